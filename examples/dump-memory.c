/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes all physical memory of a guest to a file; what cannot be read becomes zeros.
 *
 *   dump-memory [-p] [-s] [--no-pause] [-k SOCKET] NAME FILE
 *
 *   -p  shows a percentage      -s  leaves holes in the file where there is nothing but zeros
 */
#include "example.h"

enum { CHUNK = 4096, SHOW_EVERY = 32 << 20 };

/* A file that ends in a hole would be too short: its last byte is always written. */
static bool put(FILE *f, const unsigned char *page, bool sparse, bool last)
{
    static const unsigned char zeros[CHUNK];
    if (sparse && !last && memcmp(page, zeros, CHUNK) == 0)
        return fseeko(f, CHUNK, SEEK_CUR) == 0;
    return fwrite(page, CHUNK, 1, f) == 1;
}

static bool dump(vmi_instance_t vmi, FILE *f, bool progress, bool sparse)
{
    unsigned char page[CHUNK];
    addr_t end = vmi_get_max_physical_address(vmi);
    for (addr_t at = 0; at < end && !stopped; at += CHUNK) {
        size_t done = 0;
        if (vmi_read_pa(vmi, at, CHUNK, page, &done) != VMI_SUCCESS)
            memset(page + done, 0, CHUNK - done);
        if (!put(f, page, sparse, at + CHUNK >= end)) {
            perror("The file cannot be written");
            return false;
        }
        if (progress && at % SHOW_EVERY == 0)
            fprintf(stderr, "\r%3u %%", (unsigned)(at * 100 / end));
    }
    if (progress)
        fprintf(stderr, "\r%s\n", stopped ? "stopped" : "100 %");
    return !stopped;
}

int main(int argc, char **argv)
{
    bool progress = take_flag(&argc, argv, "-p", "--progress"),
         sparse = take_flag(&argc, argv, "-s", "--sparse"),
         no_pause = take_flag(&argc, argv, "--no-pause", NULL),
         help = take_flag(&argc, argv, "-h", "--help");
    const char *socket = take_value(&argc, argv, "-k", "--kvmi-socket");
    if (help || argc != 3) {
        fprintf(help ? stdout : stderr,
                "usage: dump-memory [-p] [-s] [--no-pause] [-k SOCKET] NAME FILE\n");
        return help ? 0 : 1;
    }
    struct guest g = {.name = argv[1], .socket = socket};
    vmi_instance_t vmi = guest_init(&g, 0);
    if (!vmi)
        return 1;
    stop_on_signals(); /* a guest must not stay paused */
    bool good = false;
    FILE *f = fopen(argv[2], "wb");
    if (!f) {
        perror(argv[2]);
    } else if (!no_pause && vmi_pause_vm(vmi) != VMI_SUCCESS) {
        fprintf(stderr, "The guest cannot be paused; --no-pause dumps it as it runs.\n");
    } else {
        good = dump(vmi, f, progress, sparse);
        if (!no_pause)
            vmi_resume_vm(vmi);
    }
    if (f && fclose(f) != 0) {
        perror(argv[2]);
        good = false;
    }
    vmi_destroy(vmi);
    return good ? 0 : 1;
}
