/* The package generator once more, in C: it must print what wasm-generators/package prints. */
#include "../../cortex.h"

#define MAX_NAME 200

static cx_text version(cx_text facts, const char *name, cx_text otherwise) {
  if (!facts.n) return CX("not known");
  cx_text text = cx_get_text(facts, name);
  return text.n ? text : otherwise;
}

static cx_text trim(cx_text t) {
  while (t.n && strchr(" \t\r\n", t.p[0])) t.p++, t.n--;
  while (t.n && strchr(" \t\r\n", t.p[t.n - 1])) t.n--;
  return t;
}

static cx_text package_name(cx_text item) {
  if (item.n && *item.p == '"') return trim(cx_string(item));
  cx_text name = cx_get_text(item, "package");
  return name.n ? name : cx_get_text(item, "name");
}

static int is_name(cx_text name) {
  for (size_t i = 0; i < name.n; i++)
    if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f) return 0;
  return name.n >= 1 && name.n <= MAX_NAME;
}

int main(void) {
  cx_text head = cx_begin(), record, system = cx_param(head, "system"), template = cx_param(head, "template");
  if (!template.n) cx_die("the parameter \"template\" is empty\n");
  if (system.n) cx_prompt(CX("system"), system);
  cx_text os_facts = cx_get(cx_get(head, "facts"), "os"), os = CX("not known");
  cx_text os_name = cx_get_text(os_facts, "name"), arch = cx_get_text(os_facts, "architecture");
  if (os_name.n) {
    cx_buf b = {0};
    cx_add(&b, os_name);
    if (arch.n) cx_add(&b, CX(", ")), cx_add(&b, arch);
    os = (cx_text){b.p, b.n};
  }
  while (cx_next(&record)) {
    char id_space[MAX_NAME + 4] = "pkg_";
    cx_text name = package_name(cx_get(record, "item")), facts = cx_get(cx_get(record, "facts"), "package");
    cx_text id = {id_space, 4};
    if (name.n <= MAX_NAME) {
      memcpy(id_space + 4, name.p, name.n);
      id.n += name.n;
    }
    if (!is_name(name)) {
      cx_fail(id, CX("this is no package name: use one name an item, without spaces"));
      continue;
    }
    cx_field fields[] = {{"package", name},
                         {"installed", version(facts, "installed", CX("not installed"))},
                         {"candidate", version(facts, "candidate", CX("none"))},
                         {"architecture", version(facts, "architecture", CX("unknown"))},
                         {"os", os}};
    cx_query(&(cx_ask){.id = id, .use = system.n ? CX("system") : CX(""), .user = cx_fill(template, fields, 5),
                       .task = CX("system_operation"), .metadata = fields, .metadatas = 1});
  }
}
