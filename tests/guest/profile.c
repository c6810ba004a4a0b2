/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is all that a kernel says of itself in a profile that was made of it? Opens a target as it is,
 * and with the profile alone, and compares every type, member, enumerator and symbol.
 *
 *     profile TARGET PROFILE
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tinyvmi/tinyvmi.h>

enum { SHOWN = 10 };

struct compare {
    vmi_instance_t own, given;
    const char *type;
    struct members {
        struct vmi_member m[4096];
        char name[4096][64];
        size_t n;
    } a, b;
    uint64_t types, members, symbols, differences;
};

static void differ(struct compare *c, const char *what, const char *name)
{
    if (c->differences++ < SHOWN)
        printf("%s %s differs\n", what, name);
}

static int keep(const struct vmi_member *m, void *data)
{
    struct members *k = data;
    if (k->n == 4096)
        return 1;
    k->m[k->n] = *m;
    snprintf(k->name[k->n++], sizeof *k->name, "%s", m->name);
    return 0;
}

/* BTF lists bit fields and members of one offset as declared, a profile by their offset. */
static bool has(const struct members *k, const struct vmi_member *m, const char *name)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->m[i].bit_offset == m->bit_offset && k->m[i].size == m->size &&
            k->m[i].bit_size == m->bit_size && k->m[i].depth == m->depth &&
            !strcmp(k->name[i], name))
            return true;
    return false;
}

static int one_type(const struct vmi_type *t, void *data)
{
    struct compare *c = data;
    uint64_t size, want;
    char name[512];
    bool user = !strcmp(t->kind, "struct") || !strcmp(t->kind, "union");
    snprintf(name, sizeof name, "%s", t->name); /* the texts stay until the next call */
    if (!user && strcmp(t->kind, "enum") != 0)
        return 0;
    c->types++;
    if (vmi_type_size(c->own, name, &want) != VMI_SUCCESS)
        return 0; /* only declared */
    if (vmi_type_size(c->given, name, &size) != VMI_SUCCESS || size != want) {
        differ(c, "the size of", name);
        return 0;
    }
    c->a.n = c->b.n = 0;
    if (!user || vmi_each_member(c->own, name, keep, &c->a, NULL) != VMI_SUCCESS)
        return 0;
    (void)!vmi_each_member(c->given, name, keep, &c->b, NULL);
    if (c->a.n != c->b.n)
        differ(c, "the number of members of", name);
    for (size_t i = 0; i < c->a.n; i++) {
        c->members++;
        if (!has(&c->b, &c->a.m[i], c->a.name[i])) {
            char path[600];
            snprintf(path, sizeof path, "%s.%s", name, c->a.name[i]);
            differ(c, "member", path);
        }
    }
    return 0;
}

static int one_symbol(const struct vmi_symbol *s, void *data)
{
    struct compare *c = data;
    struct vmi_symbol mine, theirs;
    char name[1024];
    if (s->module[0])
        return 1;
    snprintf(name, sizeof name, "%s", s->name);
    c->symbols++;
    if (vmi_symbol_by_name(c->own, "", name, &mine) != VMI_SUCCESS)
        return 0;
    uint64_t at = mine.address;
    if (vmi_symbol_by_name(c->given, "", name, &theirs) != VMI_SUCCESS || theirs.address != at)
        differ(c, "symbol", name);
    return 0;
}

static vmi_instance_t open_or_die(const char *target, const char *profile)
{
    struct vmi_open_options o = {.profile = profile};
    vmi_instance_t vmi;
    if (profile)
        o.flags = VMI_OPEN_NO_BTF | VMI_OPEN_NO_KALLSYMS;
    if (vmi_open(&vmi, target, &o) == VMI_SUCCESS)
        return vmi;
    fprintf(stderr, "%s\n", vmi_last_error(NULL)->text);
    exit(1);
}

int main(int argc, char **argv)
{
    static struct compare c;
    static const char *const enumerators[] = {"PIDTYPE_TGID", "MODULE_STATE_GOING",
                                              "HRTIMER_RESTART"};
    struct vmi_outcome o;
    if (argc != 3) {
        fprintf(stderr, "usage: profile TARGET PROFILE\n");
        return 2;
    }
    c.own = open_or_die(argv[1], NULL);
    c.given = open_or_die(argv[1], argv[2]);
    if (vmi_each_type(c.own, one_type, &c, &o) != VMI_SUCCESS || o.partial)
        differ(&c, "the list of", "types");
    if (vmi_each_symbol(c.own, one_symbol, &c, NULL) != VMI_SUCCESS)
        differ(&c, "the list of", "symbols");
    for (size_t i = 0; i < sizeof enumerators / sizeof *enumerators; i++) {
        int64_t a = -1, b = -2;
        if (vmi_enumerator(c.own, enumerators[i], &a) == VMI_SUCCESS &&
            (vmi_enumerator(c.given, enumerators[i], &b) != VMI_SUCCESS || a != b))
            differ(&c, "enumerator", enumerators[i]);
    }
    printf("%" PRIu64 " types, %" PRIu64 " members, %" PRIu64 " symbols, %" PRIu64 " differences\n",
           c.types, c.members, c.symbols, c.differences);
    vmi_destroy(c.own);
    vmi_destroy(c.given);
    return c.differences || c.types < 1000 || c.symbols < 1000;
}
