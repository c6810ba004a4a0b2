/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbols and types after bring-up: name to address, nearest symbol of an address, member by name.
 * Each figure is the median of rounds; the reference is one strcmp of the same names, run in turn.
 *
 *     symbols DUMP
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tinyvmi/tinyvmi.h>

enum { NAMES = 1000, ROUNDS = 9 };

struct names {
    char *name[NAMES];
    addr_t address[NAMES];
    size_t nr, seen;
};

static int pick(const struct vmi_symbol *s, void *data)
{
    struct names *n = data;
    if (n->seen++ % 97 == 0 && n->nr < NAMES && s->address >> 32 && !s->module[0]) {
        n->name[n->nr] = strdup(s->name);
        n->address[n->nr++] = s->address + 3;
    }
    return n->nr == NAMES;
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof *v, by_value);
    return v[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    vmi_instance_t vmi;
    struct names n = {0};
    double name[ROUNDS], address[ROUNDS], member[ROUNDS], compare[ROUNDS];
    unsigned long found = 0;
    if (argc != 2 || vmi_open(&vmi, argv[1], NULL) != VMI_SUCCESS) {
        fprintf(stderr, "symbols: %s\n",
                argc == 2 ? vmi_last_error(NULL)->text : "usage: symbols DUMP");
        return 1;
    }
    vmi_each_symbol(vmi, pick, &n, NULL);
    for (int r = 0; r < ROUNDS; r++) {
        struct vmi_symbol s;
        struct vmi_member m;
        uint64_t offset;
        double t = now_ns();
        for (size_t i = 0; i < n.nr; i++)
            found += vmi_symbol_by_name(vmi, NULL, n.name[i], &s) == VMI_SUCCESS;
        name[r] = (now_ns() - t) / (double)n.nr;
        t = now_ns();
        for (size_t i = 0; i < n.nr; i++)
            found += vmi_symbol_by_address(vmi, n.address[i], &s, &offset) == VMI_SUCCESS;
        address[r] = (now_ns() - t) / (double)n.nr;
        t = now_ns();
        for (size_t i = 0; i < n.nr; i++)
            found += vmi_type_member(vmi, "task_struct", "real_parent", &m) == VMI_SUCCESS;
        member[r] = (now_ns() - t) / (double)n.nr;
        t = now_ns();
        for (size_t i = 0; i < n.nr; i++)
            found += strcmp(n.name[i], n.name[(i + 1) % n.nr]) == 0;
        compare[r] = (now_ns() - t) / (double)n.nr;
    }
    double c = median(compare);
    printf("symbols, %zu names of the kernel (found %lu)\n", n.nr, found);
    printf("symbol by name               %7.0f ns\n", median(name));
    printf("nearest symbol by address    %7.0f ns\n", median(address));
    printf("member of task_struct        %7.0f ns\n", median(member));
    printf("reference: one strcmp        %7.1f ns\n", c);
    for (size_t i = 0; i < n.nr; i++)
        free(n.name[i]);
    vmi_destroy(vmi);
    return 0;
}
