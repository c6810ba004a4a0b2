/* SPDX-License-Identifier: BSD-2-Clause */
#include "words.h"

#include <string.h>

int command_line(char *text, char **argv, int max)
{
    int n = 0;
    char *to = text;
    for (;;) {
        char quote = 0;
        text += strspn(text, " \t\n");
        if (!*text)
            break;
        if (n == max)
            return -1;
        argv[n++] = to;
        for (; *text && (quote || !strchr(" \t\n", *text)); text++) {
            if (quote && *text == quote)
                quote = 0;
            else if (!quote && (*text == '"' || *text == '\''))
                quote = *text;
            else
                *to++ = *text;
        }
        if (quote)
            return -1;
        text += *text != 0;
        *to++ = 0;
    }
    argv[n] = NULL;
    return n;
}
