/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the examples share: their options, opening a guest, stopping at a signal. Nothing but
 * LibVMI's interface and the C library, so they compile with LibVMI's headers as well, and run in
 * the unikernel.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libvmi/events.h>
#include <libvmi/libvmi.h>

/* ---- the command line ------------------------------------------------------------------------ */

static inline void drop_argument(int *argc, char **argv, int i)
{
    memmove(argv + i, argv + i + 1, (size_t)(*argc - i) * sizeof *argv); /* with the NULL */
    --*argc;
}

static inline int find_argument(int argc, char **argv, const char *letter, const char *word)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], letter) == 0 || (word && strcmp(argv[i], word) == 0))
            return i;
    return 0;
}

/* Takes "-x" or "--word" out of the arguments. */
static inline bool take_flag(int *argc, char **argv, const char *letter, const char *word)
{
    int i = find_argument(*argc, argv, letter, word);
    if (i)
        drop_argument(argc, argv, i);
    return i != 0;
}

/* Takes "-x VALUE" or "--word VALUE" out of the arguments; NULL: it is not there. */
static inline const char *take_value(int *argc, char **argv, const char *letter, const char *word)
{
    int i = find_argument(*argc, argv, letter, word);
    if (!i || i + 1 >= *argc)
        return NULL;
    const char *value = argv[i + 1];
    drop_argument(argc, argv, i);
    drop_argument(argc, argv, i);
    return value;
}

/* A whole text as a number; base 0 knows 0x. */
static inline bool parse_number(const char *text, int base, uint64_t *ret)
{
    char *end;
    if (!text || !*text)
        return false;
    errno = 0;
    unsigned long long v = strtoull(text, &end, base);
    if (*end || errno)
        return false;
    *ret = v;
    return true;
}

/* ---- the guest ------------------------------------------------------------------------------- */

struct guest {
    const char *name; /* of a domain, or the path of a memory file; NULL: by its id */
    uint64_t id;
    const char *json;   /* a profile, or NULL: the configuration file, or none */
    const char *socket; /* KVM: of the guest, or NULL */
};

/* NAME [SOCKET] behind the options, from argv[i] on. */
static inline struct guest guest_from_words(int argc, char **argv, int i)
{
    return (struct guest){.name = i < argc ? argv[i] : NULL,
                          .socket = i + 1 < argc ? argv[i + 1] : NULL};
}

/* -n NAME or -d DOMID, -s SOCKET. False: neither, or both, or an id that is none. */
static inline bool guest_from_options(int *argc, char **argv, struct guest *ret)
{
    *ret = (struct guest){.name = take_value(argc, argv, "-n", "--name"),
                          .socket = take_value(argc, argv, "-s", "--socket")};
    const char *id = take_value(argc, argv, "-d", "--domid");
    return ret->name ? !id : parse_number(id, 0, &ret->id);
}

static inline const void *guest_domain(const struct guest *g)
{
    return g->name ? (const void *)g->name : &g->id;
}

static inline uint64_t guest_flag(const struct guest *g)
{
    return g->name ? VMI_INIT_DOMAINNAME : VMI_INIT_DOMAINID;
}

/* To be freed; NULL when there is nothing to say (or no memory). */
static inline vmi_init_data_t *guest_data(const struct guest *g)
{
    if (!g->socket)
        return NULL;
    vmi_init_data_t *data =
        (vmi_init_data_t *)malloc(sizeof(vmi_init_data_t) + sizeof(vmi_init_data_entry_t));
    if (!data)
        return NULL;
    data->count = 1;
    data->entry[0].type = VMI_INIT_DATA_KVMI_SOCKET;
    data->entry[0].data = (void *)(uintptr_t)g->socket;
    return data;
}

/* Memory and vCPUs alone. NULL: failed, and said so. */
static inline vmi_instance_t guest_init(const struct guest *g, uint64_t flags)
{
    vmi_instance_t vmi = NULL;
    vmi_init_error_t error = VMI_INIT_ERROR_NONE;
    vmi_mode_t mode;
    vmi_init_data_t *data = guest_data(g);
    if (vmi_get_access_mode(NULL, guest_domain(g), guest_flag(g), data, &mode) != VMI_SUCCESS) {
        fprintf(stderr, "There is no such guest, and no such file.\n");
    } else if (vmi_init(&vmi, mode, guest_domain(g), guest_flag(g) | flags, data, &error) !=
               VMI_SUCCESS) {
        fprintf(stderr, "The guest cannot be opened: initialisation error %d.\n", (int)error);
        vmi = NULL;
    }
    free(data);
    return vmi;
}

/* With its operating system. NULL: failed, and said so. */
static inline vmi_instance_t guest_open(const struct guest *g, uint64_t flags)
{
    vmi_instance_t vmi = NULL;
    vmi_init_error_t error = VMI_INIT_ERROR_NONE;
    vmi_init_data_t *data = guest_data(g);
    if (vmi_init_complete(&vmi, guest_domain(g), guest_flag(g) | flags, data,
                          g->json ? VMI_CONFIG_JSON_PATH : VMI_CONFIG_GLOBAL_FILE_ENTRY,
                          (void *)(uintptr_t)g->json, &error) != VMI_SUCCESS) {
        fprintf(stderr, "The guest cannot be opened: initialisation error %d.\n", (int)error);
        vmi = NULL;
    }
    free(data);
    return vmi;
}

/* ---- events ---------------------------------------------------------------------------------- */

static volatile sig_atomic_t stopped; /* the number of the signal */

static inline void stop_here(int number)
{
    stopped = number;
}

/* ctrl-C and its siblings end the loop, so that the guest is left as it was found. */
static inline void stop_on_signals(void)
{
    const int numbers[] = {SIGHUP, SIGTERM, SIGINT, SIGALRM};
    struct sigaction act = {0};
    act.sa_handler = stop_here; /* no SA_RESTART: waiting for events ends at once */
    sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &act, NULL);
}

/* Handles events until a signal comes. False: listening failed. */
static inline bool listen_until_stopped(vmi_instance_t vmi)
{
    printf("Waiting for events...\n");
    fflush(stdout);
    while (!stopped) {
        if (vmi_events_listen(vmi, 500) != VMI_SUCCESS) {
            fprintf(stderr, "Waiting for events failed, quitting.\n");
            return false;
        }
        fflush(stdout);
    }
    printf("Finished with test.\n");
    return true;
}

/* What is queued already; the guest should be paused. */
static inline void drain_events(vmi_instance_t vmi)
{
    while (vmi_are_events_pending(vmi) > 0)
        if (vmi_events_listen(vmi, 0) != VMI_SUCCESS)
            break;
}

/* Takes back one event with the guest paused, and closes. Exit status of the program. */
static inline int close_events(vmi_instance_t vmi, vmi_event_t *event, bool good)
{
    vmi_pause_vm(vmi);
    drain_events(vmi);
    if (vmi_clear_event(vmi, event, NULL) != VMI_SUCCESS)
        good = false;
    vmi_resume_vm(vmi);
    vmi_destroy(vmi);
    return good ? 0 : 1;
}

#endif
