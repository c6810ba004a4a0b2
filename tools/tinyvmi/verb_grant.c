/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "verbs.h"

static const char *without_prefix(const char *name)
{
    return strncmp(name, "xen:", 4) == 0 ? name + 4 : name;
}

static int run(struct run *run)
{
    const char *introspector = without_prefix(operand(run, 0));
    const char *target = without_prefix(operand(run, 1));
    struct vmi_grant g;
    if (vmi_xen_grant(introspector, target, &g) != VMI_SUCCESS) {
        complain(NULL, "%s", vmi_last_error(NULL)->text);
        return EXIT_TARGET;
    }
    fprintf(run->out.f, "domain %u may find domain %u by its name\n", g.introspector, g.target);
    if (!g.memory) {
        fprintf(run->out.f, "its memory was not granted here: %s\n", g.why_not);
        return EXIT_NO;
    }
    fprintf(run->out.f,
            "domain %u may map the memory of domain %u: no events, no registers; for those Xen "
            "needs XSM and a policy\n",
            g.introspector, g.target);
    return EXIT_WELL;
}

const struct verb verb_grant = {
    .name = "grant",
    .purpose = "let a Xen domain look at another one (in dom0)",
    .operands =
        (const struct operand[]){
            {"INTROSPECTOR", "the domain that looks: name, id or UUID", 0},
            {"DOMAIN", "the domain that is looked at", 0},
            {0},
        },
    .about =
        (const char *const[]){
            "For the unikernel, which is a domain of its own. The target's name becomes readable "
            "for it in xenstore; and on a Xen without XSM it becomes the target's device model, "
            "which may map the target's memory. It stays so until one of both ends.",
            "With XSM the policy decides what the introspector may do (policy/tinyvmi.te).", NULL},
    .examples =
        (const struct example[]){{"tinyvmi grant watcher web", "watcher may look at web"}, {0}},
    .says_no = "the name was granted, the memory was not",
    .see_also = "list",
    .flags = VERB_NO_JSON,
    .run = run,
};
