/* cortex.h - a Cortex Host generator in C; the contract is sdk/generator/SPEC.md.
 *
 *   clang --target=wasm32-wasi -O2 -s -o capitals.part capitals.c
 *   cortex-host generator pack --manifest manifest.json -o capitals.wasm capitals.part
 *
 * cx_begin reads the header and cx_next each item's record; cx_get finds a member of such JSON and cx_text
 * reads its text; cx_fill puts texts into a template. cx_prompt, cx_query and cx_fail print records.
 * Texts are in UTF-8 and end with a zero byte. What comes of the header is valid for ever, what comes of
 * an item's record until the next cx_next. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef struct { const char *name, *text; } cx_field; /* a list of them ends with {0} */

static inline void cx_die(const char *why) { fprintf(stderr, "%s\n", why), exit(1); }

/* Memory that the next cx_next frees. */
static void **cx_mine;
static inline char *cx_alloc(size_t n) {
  void **p = malloc(sizeof *p + n);
  if (!p) cx_die("out of memory");
  return *p = cx_mine, cx_mine = p, (char *)(p + 1);
}

/* The next item's record, NULL at the end. What is owed is printed before it waits. */
static inline const char *cx_next(void) {
  static char *line; static size_t room, calls;
  for (void **p; calls > 1 && (p = cx_mine); free(p)) cx_mine = *p;
  calls += calls < 2, cx_mine = NULL; /* the first two calls free nothing: what comes of the header stays */
  if (fflush(stdout)) exit(1);
  ssize_t n = getline(&line, &room, stdin);
  return n > 0 && line[n - 1] == '\n' ? line : NULL;
}

/* Where a JSON value ends. The host writes valid JSON without white space, so it is only walked through. */
static const char *cx_skip(const char *p) {
  for (int depth = 0, text = 0; *p; p++) {
    if (*p == '\\' && p[1]) p++;
    else if (*p == '"') text = !text;
    else if (!text && !depth && strchr(",:]}", *p)) break;
    else if (!text) depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
  }
  return p;
}

/* The member of an object, as JSON, "" if it is not there. */
static const char *cx_get(const char *object, const char *name) {
  for (const char *key = object + (*object == '{'), *end; *key == '"'; key = end + (*end == ',')) {
    const char *colon = cx_skip(key), *value = colon + (*colon == ':');
    if (!strncmp(key + 1, name, strlen(name)) && key + strlen(name) + 2 == colon) return value;
    end = cx_skip(value);
  }
  return "";
}

/* The text of a JSON string, "" of anything else. */
static inline const char *cx_text(const char *json) {
  char *start = cx_alloc((size_t)(cx_skip(json) - json) + 1), *o = start;
  for (const char *p = json + 1; *json == '"' && *p != '"'; p++) {
    if (*p != '\\') *o++ = *p;
    else if (*++p == 'u') *o++ = (char)strtol((char[]){p[3], p[4], 0}, NULL, 16), p += 4;
    else *o++ = *p == 'n' ? '\n' : *p == 'r' ? '\r' : *p == 't' ? '\t' : *p;
  }
  return *o = 0, start;
}
static inline const char *cx_member(const char *object, const char *name) { return cx_text(cx_get(object, name)); }

/* The template with each {name} replaced by the text of that field. */
static inline const char *cx_fill(const char *template, const cx_field *fields) {
  size_t room = strlen(template) + 1, n;
  const cx_field *f;
  for (const char *p = template; (p = strchr(p, '{')); p++)
    for (f = fields; f->name; f++) room += strlen(f->text);
  char *start = cx_alloc(room), *o = start;
  for (; *template; template += n) {
    for (f = fields; *template == '{' && f->name; f++)
      if (n = strlen(f->name), !strncmp(template + 1, f->name, n) && template[n + 1] == '}') break;
    if (*template == '{' && f->name) o = stpcpy(o, f->text), n += 2;
    else n = 1 + strcspn(template + 1, "{"), memcpy(o, template, n), o += n;
  }
  return *o = 0, start;
}

/* Prints a JSON string after what comes before it. */
static void cx_quote(const char *before, const char *text) {
  char *start = cx_alloc(6 * strlen(text) + 2), *o = start;
  for (; *text; text++)
    if ((unsigned char)*text >= ' ' && *text != '"' && *text != '\\') *o++ = *text;
    else if (*text == '\n') *o++ = '\\', *o++ = 'n';
    else o += sprintf(o, "\\u%04x", *text);
  *o++ = '"', fputs(before, stdout), putchar('"'), fwrite(start, 1, (size_t)(o - start), stdout);
}
static inline void cx_prompt(const char *id, const char *system) {
  cx_quote("{\"prompt\":{\"id\":", id), cx_quote(",\"messages\":[{\"role\":\"system\",\"content\":", system), puts("}]}}");
}
static inline void cx_fail(const char *id, const char *message) {
  cx_quote("{\"error\":{\"id\":", id), cx_quote(",\"message\":", message), puts("}}");
}
/* use, task and meta(data) may be NULL. */
static inline void cx_query(const char *id, const char *use, const char *user, const char *task, const cx_field *meta) {
  cx_quote("{\"id\":", id);
  if (use) cx_quote(",\"use\":", use);
  if (task) cx_quote(",\"task_type\":", task);
  for (const cx_field *f = meta; f && f->name; f++)
    cx_quote(f == meta ? ",\"metadata\":{" : ",", f->name), cx_quote(":", f->text), f[1].name ? 0 : putchar('}');
  cx_quote(",\"messages\":[{\"role\":\"user\",\"content\":", user), puts("}]}");
}

/* Reads the header. */
static inline const char *cx_begin(void) {
  static char in[65536], out[65536];
  setvbuf(stdin, in, _IOFBF, sizeof in), setvbuf(stdout, out, _IOFBF, sizeof out);
  const char *head = cx_next(), *abi = cx_get(head ? head : "", "abi");
  if (*abi != '1' || cx_skip(abi) != abi + 1) cx_die("no header of ABI 1");
  return strdup(head);
}
