/* cortex.h - a Cortex Host generator in C; the contract is sdk/generator/SPEC.md.
 *   clang --target=wasm32-wasi -O2 -s -o capitals.part capitals.c
 *   cortex-host generator pack --manifest manifest.json -o capitals.wasm capitals.part
 * cx_begin reads the header, cx_next each item's record; cx_prompt, cx_query and cx_fail print records.
 * A cx_text is bytes with a length. What comes of a record is valid until the next cx_next; cx_keep keeps it. */
#ifndef CORTEX_H
#define CORTEX_H
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
typedef struct { const char *p; size_t n; } cx_text;
typedef struct { const char *name; cx_text text; } cx_field;
typedef struct { cx_text id, use, user, task; const cx_field *metadata; size_t metadatas; } cx_ask;
typedef struct { char *p; size_t n, cap; } cx_buf; /* grows */
#define CX(literal) ((cx_text){literal, sizeof(literal) - 1})
static cx_buf cx_in, cx_out, cx_texts;
static size_t cx_at;

static inline void cx_die(const char *why) { (void)!write(2, why, strlen(why)); exit(1); }
static void cx_room(cx_buf *b, size_t more) {
  if (b->n + more <= b->cap) return;
  if (!(b->p = realloc(b->p, b->cap = (b->n + more) * 2 + 65536))) cx_die("out of memory\n");
}
static void cx_add(cx_buf *b, cx_text t) { cx_room(b, t.n); memcpy(b->p + b->n, t.p, t.n); b->n += t.n; }
static inline cx_text cx_keep(cx_text t) { cx_buf b = {0}; cx_add(&b, t); return (cx_text){b.p, b.n}; }
static void cx_flush(void) {
  for (size_t done = 0; done < cx_out.n;) {
    ssize_t n = write(1, cx_out.p + done, cx_out.n - done);
    if (n <= 0) exit(1);
    done += (size_t)n;
  }
  cx_out.n = 0;
}
/* Reads a record, its line feed included; 0 at the end. What is owed is printed before it waits. */
static int cx_next(cx_text *record) {
  for (size_t from = cx_at;;) {
    char *end = cx_in.n > from ? memchr(cx_in.p + from, '\n', cx_in.n - from) : NULL;
    if (end) {
      *record = (cx_text){cx_in.p + cx_at, (size_t)(end + 1 - cx_in.p) - cx_at};
      cx_at += record->n, cx_texts.n = 0;
      cx_room(&cx_texts, 4 * record->n); /* so that texts of this record do not move */
      return 1;
    }
    cx_flush();
    if (cx_at) memmove(cx_in.p, cx_in.p + cx_at, cx_in.n -= cx_at), cx_at = 0;
    from = cx_in.n;
    cx_room(&cx_in, 65536);
    ssize_t n = read(0, cx_in.p + cx_in.n, cx_in.cap - cx_in.n);
    if (n <= 0) return 0;
    cx_in.n += (size_t)n;
  }
}
/* Where a JSON value ends. The host writes valid JSON without white space, so it is only walked through. */
static const char *cx_skip(const char *p) {
  for (int depth = 0, text = 0;; p++) {
    if (text) { if (*p == '\\') p++; else if (*p == '"') { text = 0; if (!depth) return p + 1; } }
    else if (*p == '"') text = 1;
    else if (*p == '{' || *p == '[') depth++;
    else if (*p == '}' || *p == ']') { if (!depth) return p; if (!--depth) return p + 1; }
    else if (!depth && (*p == ',' || *p == ':' || *p == '\n')) return p;
  }
}
/* The member of an object, as JSON; its n is 0 if it is not there. */
static cx_text cx_get(cx_text object, const char *name) {
  size_t n = strlen(name);
  if (object.n && *object.p == '{')
    for (const char *key = object.p + 1; *key == '"';) {
      const char *value = cx_skip(key) + 1, *end = cx_skip(value);
      if ((size_t)(value - key) == n + 3 && !memcmp(key + 1, name, n)) return (cx_text){value, (size_t)(end - value)};
      key = *end == ',' ? end + 1 : end;
    }
  return (cx_text){"", 0};
}
static unsigned cx_hex(const char *p) { char h[5] = {p[0], p[1], p[2], p[3], 0}; return (unsigned)strtoul(h, 0, 16); }
/* The text of a JSON string, "" of anything else. */
static cx_text cx_string(cx_text v) {
  if (v.n < 2 || *v.p != '"') return (cx_text){"", 0};
  if (!memchr(v.p, '\\', v.n)) return (cx_text){v.p + 1, v.n - 2};
  cx_room(&cx_texts, v.n);
  char *start = cx_texts.p + cx_texts.n, *o = start;
  for (const char *p = v.p + 1, *end = v.p + v.n - 1; p < end; p++) {
    static const char codes[] = "bfnrt", means[] = "\b\f\n\r\t";
    if (*p != '\\') { *o++ = *p; continue; }
    const char *known = strchr(codes, *++p);
    if (*p != 'u') { *o++ = known ? means[known - codes] : *p; continue; }
    unsigned c = cx_hex(p + 1), low = p[5] == '\\' && p[6] == 'u' ? cx_hex(p + 7) : 0;
    p += 4;
    if (c >= 0xD800 && c < 0xDC00 && low >= 0xDC00 && low < 0xE000) c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00), p += 6;
    else if (c >= 0xD800 && c < 0xE000) c = 0xFFFD;
    int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    *o++ = (char)(more ? (0xFF00 >> (more + 1) & 0xFF) | c >> 6 * more : c);
    while (more--) *o++ = (char)(0x80 | (c >> 6 * more & 0x3F));
  }
  cx_texts.n += (size_t)(o - start);
  return (cx_text){start, (size_t)(o - start)};
}
static inline cx_text cx_get_text(cx_text object, const char *name) { return cx_string(cx_get(object, name)); }
static inline cx_text cx_param(cx_text head, const char *name) { return cx_keep(cx_get_text(cx_get(head, "params"), name)); }
static cx_text cx_begin(void) {
  cx_text head;
  if (!cx_next(&head)) cx_die("no header\n");
  cx_text abi = cx_get(head, "abi");
  if (abi.n != 1 || *abi.p != '1') cx_die("this generator speaks ABI 1\n");
  return cx_keep(head);
}
static void cx_quote(cx_text before, cx_text t, cx_text after) {
  cx_add(&cx_out, before);
  cx_room(&cx_out, t.n * 6 + 2);
  char *o = cx_out.p + cx_out.n;
  *o++ = '"';
  for (size_t i = 0; i < t.n; i++) {
    unsigned char c = (unsigned char)t.p[i];
    if (c == '"' || c == '\\') *o++ = '\\', *o++ = (char)c;
    else if (c < ' ') memcpy(o, "\\u00", 4), o[4] = "01"[c >> 4], o[5] = "0123456789abcdef"[c & 15], o += 6;
    else *o++ = (char)c;
  }
  *o++ = '"';
  cx_out.n = (size_t)(o - cx_out.p);
  cx_add(&cx_out, after);
}
static inline void cx_prompt(cx_text id, cx_text system) {
  cx_quote(CX("{\"prompt\":{\"id\":"), id, CX(",\"messages\":[{\"role\":\"system\""));
  cx_quote(CX(",\"content\":"), system, CX("}]}}\n"));
}
static inline void cx_fail(cx_text id, cx_text message) {
  cx_quote(CX("{\"error\":{\"id\":"), id, CX(","));
  cx_quote(CX("\"message\":"), message, CX("}}\n"));
}
static inline void cx_query(const cx_ask *q) {
  cx_quote(CX("{\"id\":"), q->id, CX(""));
  if (q->use.n) cx_quote(CX(",\"use\":"), q->use, CX(""));
  if (q->task.n) cx_quote(CX(",\"task_type\":"), q->task, CX(""));
  for (size_t i = 0; i < q->metadatas; i++) {
    cx_quote(i ? CX(",") : CX(",\"metadata\":{"), (cx_text){q->metadata[i].name, strlen(q->metadata[i].name)}, CX(":"));
    cx_quote(CX(""), q->metadata[i].text, i + 1 < q->metadatas ? CX("") : CX("}"));
  }
  cx_quote(CX(",\"messages\":[{\"role\":\"user\",\"content\":"), q->user, CX("}]}\n"));
  if (cx_out.n >= 65536) cx_flush();
}
/* Puts texts in the place of {name}; the result is valid until the next cx_fill. */
static inline cx_text cx_fill(cx_text template, const cx_field *fields, size_t count) {
  static cx_buf b;
  b.n = 0;
  for (size_t i = 0, k, n; i < template.n;) {
    const char *at = template.p + i, *next = i + 1 < template.n ? memchr(at + 1, '{', template.n - i - 1) : NULL;
    for (k = *at == '{' ? 0 : count; k < count; k++) {
      n = strlen(fields[k].name);
      if (template.n - i >= n + 2 && !memcmp(at + 1, fields[k].name, n) && at[n + 1] == '}') break;
    }
    if (k < count) cx_add(&b, fields[k].text), i += n + 2;
    else n = next ? (size_t)(next - at) : template.n - i, cx_add(&b, (cx_text){at, n}), i += n;
  }
  return (cx_text){b.p, b.n};
}
#endif
