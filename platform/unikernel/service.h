/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TINYVMI_UNIKERNEL_SERVICE_H
#define TINYVMI_UNIKERNEL_SERVICE_H

/* Runs the program as the first words of the command line want it: once, --wait, --service. Returns
 * its status. */
int service_run(int argc, char **argv, int (*program)(int, char **));

#endif
