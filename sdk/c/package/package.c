/* The package generator once more, in C: it must print what wasm-generators/package prints. */
#include "../cortex.h"

static const char *version(const char *facts, const char *name, const char *otherwise) {
  const char *text = cx_member(facts, name);
  return !*facts ? "not known" : *text ? text : otherwise;
}

static const char *package_name(const char *item) {
  if (*item == '{') return *cx_member(item, "package") ? cx_member(item, "package") : cx_member(item, "name");
  const char *text = cx_text(item) + strspn(cx_text(item), " \t\r\n");
  size_t n = strlen(text);
  while (n && strchr(" \t\r\n", text[n - 1])) n--;
  char *name = memcpy(cx_alloc(n + 1), text, n);
  return name[n] = 0, name;
}

static int is_name(const char *name) {
  for (const char *p = name; *p; p++)
    if ((unsigned char)*p <= ' ' || *p == 0x7f) return 0;
  return *name && strlen(name) <= 200;
}

int main(void) {
  const char *head = cx_begin(), *params = cx_get(head, "params"), *os = cx_get(cx_get(head, "facts"), "os");
  const char *system = cx_member(params, "system"), *template = cx_member(params, "template");
  const cx_field machine[] = {{"name", cx_member(os, "name")}, {"arch", cx_member(os, "architecture")}, {0}};
  const char *known = *machine[1].text ? "{name}, {arch}" : "{name}";
  const char *where = cx_fill(*machine[0].text ? known : "not known", machine);
  if (!*template) cx_die("the parameter \"template\" is empty");
  if (*system) cx_prompt("system", system);
  for (const char *record; (record = cx_next());) {
    const char *name = package_name(cx_get(record, "item")), *facts = cx_get(cx_get(record, "facts"), "package");
    const cx_field package[] = {{"package", strlen(name) <= 200 ? name : ""}, {0}};
    const char *id = cx_fill("pkg_{package}", package);
    const cx_field fields[] = {{"package", name},
                               {"installed", version(facts, "installed", "not installed")},
                               {"candidate", version(facts, "candidate", "none")},
                               {"architecture", version(facts, "architecture", "unknown")},
                               {"os", where},
                               {0}};
    if (!is_name(name)) cx_fail(id, "this is no package name: use one name an item, without spaces");
    else cx_query(id, *system ? "system" : NULL, cx_fill(template, fields), "system_operation", package);
  }
}
