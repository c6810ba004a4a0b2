/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers: the list of loaded modules (KLDR_DATA_TABLE_ENTRY, whose first members are those of
 * LDR_DATA_TABLE_ENTRY). */
#include <inttypes.h>

#include "os/windows/windows.h"

enum { MAX_MODULES = 1 << 14 };

int win_modules(struct osview *v, vmi_module_cb cb, void *data, struct vmi_outcome *ret)
{
    struct windows_view *w = win_of(v);
    struct list_walk walk;
    uint64_t node, n;
    if (!w->module_head)
        return diag_fail(v->diag, ST_UNSUPPORTED,
                         "the list of modules (PsLoadedModuleList) is neither exported by this "
                         "kernel nor told by its debugger block: "
                         "give the profile of %s (--profile FILE)",
                         w->pdb.file[0] ? w->pdb.file : "its PDB");
    list_start(&walk, &v->kernel, v->ptr_size, w->module_head, MAX_MODULES);
    while (list_next(&walk, ret, &node) == 1) {
        char name[512], path[1024];
        uint64_t entry = node - w->m[W_ldr_links].off;
        struct vmi_module m = {
            .object = entry, .name = name, .path = path, .state = "Live", .taints = "", .refs = -1};
        if (win_ptr(w, &v->kernel, entry, W_ldr_base, &m.base) != ST_OK ||
            win_read(w, &v->kernel, entry, W_ldr_size, 4, &n) != ST_OK) {
            outcome_cut(ret, "the module at %#" PRIx64 " is not in memory", entry);
            continue;
        }
        m.size = n & 0xffffffff;
        if (win_unicode(w, &v->kernel, entry + w->m[W_ldr_name].off, name, sizeof name) != ST_OK) {
            m.flags |= VMI_RECORD_PARTIAL;
            outcome_cut(ret, "the name of the module at %#" PRIx64 " is damaged or not in memory",
                        entry);
        }
        if (win_unicode(w, &v->kernel, entry + w->m[W_ldr_path].off, path, sizeof path) != ST_OK)
            m.flags |= VMI_RECORD_PARTIAL;
        ret->count++;
        if (cb(&m, data))
            break;
    }
    return ST_OK;
}
