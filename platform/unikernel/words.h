/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TINYVMI_UNIKERNEL_WORDS_H
#define TINYVMI_UNIKERNEL_WORDS_H

/*
 * Cuts `text` into words, in place: blanks between them, ' and " hold a word together. argv has
 * room for max + 1 pointers. Returns how many there are, or -1: a quote is open, or there are more.
 */
int command_line(char *text, char **argv, int max);

#endif
