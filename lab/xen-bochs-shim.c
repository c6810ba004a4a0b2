/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loaded into Bochs by lab/xen: lets a program save its state, which Bochs itself offers behind a button of
 * its window only. When the file "save" appears in its folder, the state goes to the folder "state" and
 * Bochs ends.
 *
 * Bochs calls XPending from its display's timer, where a press of that button would be handled too, so
 * no instruction is half done. Without libc's headers' versions: it runs with the libc that Bochs has.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

int XPending(void *display); /* Xlib.h is not needed for one pointer */

int XPending(void *display)
{
    static int (*real)(void *);
    static unsigned calls;

    if (!real)
        real = (int (*)(void *))dlsym(RTLD_NEXT, "XPending");
    if (++calls % 16 == 0 && !access("save", F_OK)) {
        void **simulator = dlsym(RTLD_DEFAULT, "SIM");
        /* bx_real_sim_c::save_state(const char *), Bochs 3.0's gui/siminterface.cc */
        int (*save)(void *, const char *) =
            (int (*)(void *, const char *))dlsym(RTLD_DEFAULT, "_ZN13bx_real_sim_c10save_stateEPKc");
        _exit(simulator && save && save(*simulator, "state") ? 0 : 1);
    }
    return real(display);
}
