/* SPDX-License-Identifier: BSD-2-Clause */
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"

enum { PAGE = 4096 };

static int fail(const char *what, const char *path, int error)
{
    complain(error == EEXIST ? "--force replaces it" : NULL, "cannot %s %s: %s", what, path,
             strerror(error));
    return error == EEXIST ? EXIT_USAGE : EXIT_HOST; /* a missing --force */
}

int outfile_open(struct outfile *o, const char *path, bool replace)
{
    struct stat st;
    *o = (struct outfile){.path = path, .replace = replace};
    bool exists = stat(path, &st) == 0;
    if (exists && !S_ISREG(st.st_mode)) { /* a pipe, a device */
        o->f = fopen(path, "wb");
        return o->f ? EXIT_WELL : fail("open", path, errno);
    }
    if (exists && !replace)
        return fail("write", path, EEXIST);
    struct str name = {0};
    str_fmt(&name, "%s.XXXXXX", path);
    /* Memory holds secrets: mkstemp makes it readable for its owner alone. */
    int fd = mkstemp(name.p);
    o->f = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!o->f) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        str_free(&name);
        return fail("create", path, error);
    }
    o->temporary = name.p;
    return EXIT_WELL;
}

static bool is_zero(const uint8_t *p, size_t n)
{
    return n == 0 || (p[0] == 0 && !memcmp(p, p + 1, n - 1));
}

static int write_all(struct outfile *o, uint64_t at, const uint8_t *p, uint64_t n)
{
    int fd = fileno(o->f);
    while (n) {
        ssize_t done = pwrite(fd, p, n < (64u << 20) ? n : (64u << 20), (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return fail("write", o->path, done ? errno : ENOSPC);
        at += (uint64_t)done;
        p += done;
        n -= (uint64_t)done;
    }
    return EXIT_WELL;
}

int outfile_write_at(struct outfile *o, uint64_t at, const void *data, uint64_t n)
{
    const uint8_t *p = data;
    uint64_t pending = 0; /* bytes before i that are to be written together */
    for (uint64_t i = 0; i < n;) {
        uint64_t k = n - i < PAGE ? n - i : PAGE;
        if (!is_zero(p + i, k)) {
            pending += k;
            i += k;
            continue;
        }
        int code = write_all(o, at + i - pending, p + i - pending, pending);
        if (code)
            return code;
        pending = 0;
        i += k;
    }
    return write_all(o, at + n - pending, p + n - pending, pending);
}

int outfile_set_size(struct outfile *o, uint64_t size)
{
    if (fflush(o->f) || ftruncate(fileno(o->f), (off_t)size))
        return fail("write", o->path, errno);
    return EXIT_WELL;
}

int outfile_commit(struct outfile *o)
{
    bool bad = ferror(o->f);
    int error = errno;
    if (fclose(o->f) && !bad) {
        bad = true;
        error = errno;
    }
    o->f = NULL;
    /* link() fails where somebody made the file in the meantime; rename() would replace it. */
    if (!bad && o->temporary && !o->replace && link(o->temporary, o->path)) {
        bad = errno == EEXIST || rename(o->temporary, o->path) != 0;
        error = errno;
    } else if (!bad && o->temporary && o->replace && rename(o->temporary, o->path)) {
        bad = true;
        error = errno;
    }
    if (o->temporary && (bad || !o->replace))
        unlink(o->temporary);
    free(o->temporary);
    o->temporary = NULL;
    return bad ? fail("write", o->path, error) : EXIT_WELL;
}

void outfile_abandon(struct outfile *o)
{
    if (o->f)
        fclose(o->f);
    if (o->temporary)
        unlink(o->temporary);
    free(o->temporary);
    *o = (struct outfile){0};
}
