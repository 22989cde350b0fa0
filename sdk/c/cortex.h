/* cortex.h - writes a Cortex Host generator in C. See sdk/generator/SPEC.md.
 *
 *   clang --target=wasm32-wasi -O2 -o capitals.part capitals.c
 *   cortex-host generator pack --manifest manifest.json -o capitals.wasm capitals.part
 *
 * cx_begin reads the header, cx_next each item; cx_prompt, cx_query and cx_fail
 * print records. A cx_text is bytes with a length; one that comes from an item
 * is valid until the next cx_next. All memory is fixed or grows by doubling. */
#ifndef CORTEX_H
#define CORTEX_H
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { const char *p; size_t n; } cx_text;
typedef struct { const char *name; cx_text text; } cx_field;
typedef struct { cx_text id, use, user, task; const cx_field *metadata; size_t metadatas; } cx_ask;

#define CX(literal) ((cx_text){literal, sizeof(literal) - 1})
static inline cx_text cx_str(const char *s) { return (cx_text){s, strlen(s)}; }
static inline int cx_is(cx_text a, const char *s) { return a.n == strlen(s) && !memcmp(a.p, s, a.n); }

/* A buffer that grows. */
typedef struct { char *p; size_t n, cap; } cx_buf;
static void cx_room(cx_buf *b, size_t more) {
  if (b->n + more <= b->cap) return;
  b->cap = (b->n + more) * 2 + 65536;
  if (!(b->p = realloc(b->p, b->cap))) { (void)!write(2, "out of memory\n", 14); exit(1); }
}
static void cx_add(cx_buf *b, cx_text t) { cx_room(b, t.n); memcpy(b->p + b->n, t.p, t.n); b->n += t.n; }
static cx_text cx_view(const cx_buf *b, size_t from) { return (cx_text){b->p + from, b->n - from}; }

static cx_buf cx_in, cx_out, cx_arena, cx_head;
static size_t cx_at;
static cx_text cx_line;

static void cx_flush(void) {
  for (size_t done = 0; done < cx_out.n;) {
    ssize_t n = write(1, cx_out.p + done, cx_out.n - done);
    if (n <= 0) exit(1);
    done += (size_t)n;
  }
  cx_out.n = 0;
}
/* Reads a line into cx_line; what is owed is written before it waits. */
static int cx_readline(void) {
  for (size_t from = cx_at;;) {
    char *end = cx_in.n > from ? memchr(cx_in.p + from, '\n', cx_in.n - from) : NULL;
    if (end) {
      cx_line = (cx_text){cx_in.p + cx_at, (size_t)(end - cx_in.p) - cx_at};
      cx_at += cx_line.n + 1;
      return 1;
    }
    cx_flush();
    if (cx_at) { memmove(cx_in.p, cx_in.p + cx_at, cx_in.n - cx_at); cx_in.n -= cx_at; cx_at = 0; }
    from = cx_in.n;
    cx_room(&cx_in, 65536);
    ssize_t n = read(0, cx_in.p + cx_in.n, cx_in.cap - cx_in.n);
    if (n <= 0) return 0;
    cx_in.n += (size_t)n;
  }
}
/* JSON that the host wrote is valid, so these only find its way through it. */
static const char *cx_space(const char *p) { while (*p == ' ' || *p == '\t') p++; return p; }
static const char *cx_skip(const char *p) {
  int depth = 0, text = 0;
  for (;; p++) {
    if (text) { if (*p == '\\') p++; else if (*p == '"') { text = 0; if (!depth) return p + 1; } }
    else if (*p == '"') text = 1;
    else if (*p == '{' || *p == '[') depth++;
    else if (*p == '}' || *p == ']') { if (!depth) return p; if (!--depth) return p + 1; }
    else if (!depth && (*p == ',' || *p == ':' || *p == '\n')) return p;
  }
}
/* The member of an object, as JSON; n is 0 if it is not there. */
static cx_text cx_get(cx_text object, const char *name) {
  const char *p = cx_space(object.p), *end = object.p + object.n;
  if (!object.n || *p != '{') return (cx_text){"", 0};
  for (p = cx_space(p + 1); p < end && *p == '"';) {
    const char *key = p + 1, *after = cx_skip(p), *value = cx_space(cx_space(after) + 1);
    p = cx_skip(value);
    if ((size_t)(after - 1 - key) == strlen(name) && !memcmp(key, name, strlen(name)))
      return (cx_text){value, (size_t)(p - value)};
    p = cx_space(p);
    if (*p == ',') p = cx_space(p + 1);
  }
  return (cx_text){"", 0};
}
static unsigned cx_hex(const char *p) { char h[5] = {p[0], p[1], p[2], p[3], 0}; return (unsigned)strtoul(h, 0, 16); }
/* The text of a JSON string, without its escapes, kept in b. */
static cx_text cx_unquote(cx_buf *b, cx_text v) {
  size_t from = b->n;
  if (v.n < 2 || *v.p != '"') return (cx_text){"", 0};
  if (!memchr(v.p, '\\', v.n)) return (cx_text){v.p + 1, v.n - 2};
  cx_room(b, v.n);
  for (const char *p = v.p + 1, *end = v.p + v.n - 1; p < end; p++) {
    static const char from_c[] = "bfnrt", to_c[] = "\b\f\n\r\t";
    if (*p != '\\') { b->p[b->n++] = *p; continue; }
    const char *known = strchr(from_c, *++p);
    if (*p != 'u') { b->p[b->n++] = known ? to_c[known - from_c] : *p; continue; }
    unsigned c = cx_hex(p + 1), low = 0;
    p += 4;
    if (c >= 0xD800 && c < 0xDC00 && p[1] == '\\' && p[2] == 'u' && (low = cx_hex(p + 3)) >= 0xDC00 && low < 0xE000) {
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
      p += 6;
    } else if (c >= 0xD800 && c < 0xE000) c = 0xFFFD;
    if (c < 0x80) b->p[b->n++] = (char)c;
    else {
      int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
      b->p[b->n++] = (char)((0xFF00 >> (more + 1) & 0xFF) | c >> 6 * more);
      while (more--) b->p[b->n++] = (char)(0x80 | (c >> 6 * more & 0x3F));
    }
  }
  return cx_view(b, from);
}
static void cx_quote(cx_text t) {
  cx_room(&cx_out, t.n * 6 + 2);
  char *o = cx_out.p + cx_out.n;
  *o++ = '"';
  for (size_t i = 0; i < t.n; i++) {
    unsigned char c = (unsigned char)t.p[i];
    if (c == '"' || c == '\\') { *o++ = '\\'; *o++ = (char)c; }
    else if (c == '\n') { *o++ = '\\'; *o++ = 'n'; }
    else if (c < ' ') { memcpy(o, "\\u00", 4); o[4] = "01"[c >> 4]; o[5] = "0123456789abcdef"[c & 15]; o += 6; }
    else *o++ = (char)c;
  }
  *o++ = '"';
  cx_out.n = (size_t)(o - cx_out.p);
}
static void cx_member(cx_text before, cx_text value) { if (value.n) { cx_add(&cx_out, before); cx_quote(value); } }

/* Reads the header and returns it as JSON, valid for good. */
static cx_text cx_begin(void) {
  if (!cx_readline()) exit(1);
  cx_add(&cx_head, cx_line);
  cx_add(&cx_head, CX("\n"));
  cx_text head = cx_view(&cx_head, 0), abi = cx_get(head, "abi");
  if (!(abi.n == 1 && *abi.p == '1')) { (void)!write(2, "this generator speaks ABI 1\n", 28); exit(1); }
  return head;
}
static cx_text cx_param(cx_text head, const char *name) {
  static cx_buf kept;
  cx_room(&kept, 1 << 20); /* the host's bound for all parameters: kept never moves */
  return cx_unquote(&kept, cx_get(cx_get(head, "params"), name));
}
/* Reads the next item's record; 0 at the end. */
static int cx_next(cx_text *record) {
  cx_arena.n = 0;
  if (!cx_readline()) { cx_flush(); return 0; }
  cx_room(&cx_arena, 4 * cx_line.n + 65536); /* so that texts of this item never move */
  *record = cx_line;
  return 1;
}
/* A text of the item or of its facts. */
static cx_text cx_get_text(cx_text object, const char *name) { return cx_unquote(&cx_arena, cx_get(object, name)); }

/* Fills {name} in a template; the result is valid until the next cx_fill. */
static cx_text cx_fill(cx_text template, const cx_field *fields, size_t count) {
  static cx_buf b;
  b.n = 0;
  for (size_t i = 0, k = count; i < template.n; k = count) {
    if (template.p[i] == '{')
      for (k = 0; k < count; k++) {
        size_t n = strlen(fields[k].name);
        if (template.n - i >= n + 2 && !memcmp(template.p + i + 1, fields[k].name, n) && template.p[i + n + 1] == '}') {
          cx_add(&b, fields[k].text);
          i += n + 2;
          break;
        }
      }
    if (k < count) continue;
    size_t end = i + 1;
    while (end < template.n && template.p[end] != '{') end++;
    cx_add(&b, (cx_text){template.p + i, end - i});
    i = end;
  }
  return cx_view(&b, 0);
}
static void cx_prompt(cx_text id, cx_text system) {
  cx_member(CX("{\"prompt\":{\"id\":"), id);
  cx_add(&cx_out, CX(",\"messages\":[{\"role\":\"system\",\"content\":"));
  cx_quote(system);
  cx_add(&cx_out, CX("}]}}\n"));
}
static void cx_query(const cx_ask *q) {
  cx_member(CX("{\"id\":"), q->id);
  cx_member(CX(",\"use\":"), q->use);
  cx_add(&cx_out, CX(",\"messages\":[{\"role\":\"user\",\"content\":"));
  cx_quote(q->user);
  cx_add(&cx_out, CX("}]"));
  cx_member(CX(",\"task_type\":"), q->task);
  for (size_t i = 0; i < q->metadatas; i++) {
    cx_add(&cx_out, i ? CX(",") : CX(",\"metadata\":{"));
    cx_quote(cx_str(q->metadata[i].name));
    cx_add(&cx_out, CX(":"));
    cx_quote(q->metadata[i].text);
  }
  cx_add(&cx_out, q->metadatas ? CX("}}\n") : CX("}\n"));
  if (cx_out.n >= 65536) cx_flush();
}
static void cx_fail(cx_text id, cx_text message) {
  cx_member(CX("{\"error\":{\"id\":"), id);
  cx_member(CX(",\"message\":"), message);
  cx_add(&cx_out, CX("}}\n"));
}
#endif
