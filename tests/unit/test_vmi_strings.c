/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings out of guest memory, encodings, hex dumps. */
#include <stdio.h>
#include <unistd.h>
#include <wchar.h>

#include "vmi_fake.h"

static int setup(void **state)
{
    *state = fake_new(true);
    return 0;
}

static int teardown(void **state)
{
    fake_free(*state);
    return 0;
}

static void put(struct fake *f, uint64_t pa, const void *bytes, size_t n)
{
    memcpy(fake_at(f, pa), bytes, n);
}

static void byte_strings(void **state)
{
    struct fake *f = *state;
    put(f, DATA + 0x100, "swapper/0", 10);
    char *s = vmi_read_str_ksym(f->vmi, "init_task");
    assert_string_equal(s, "swapper/0");
    free(s);
    s = vmi_read_str_va(f->vmi, KERNEL_VA + 0x109, 0); /* an empty string is one, too */
    assert_string_equal(s, "");
    free(s);
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_KERNEL_SYMBOL, .ksym = "init_task");
    s = vmi_read_str(f->vmi, &ctx);
    assert_string_equal(s, "swapper/0");
    free(s);
    s = vmi_read_str_pa(f->vmi, DATA + 0x104);
    assert_string_equal(s, "per/0");
    free(s);
    assert_null(vmi_read_str_ksym(f->vmi, "nothing"));
    assert_null(vmi_read_str_va(f->vmi, 0x1000, 0));
    assert_story(f->vmi, "0x1000");
    assert_null(vmi_read_str(f->vmi, NULL));
    assert_null(vmi_read_str_va(NULL, KERNEL_VA, 0));
    assert_null(vmi_read_str_pa(NULL, 0));
}

static void across_pages(void **state)
{
    struct fake *f = *state;
    put(f, DATA + 0x5ff0, "0123456789abcdef", 16);
    put(f, DATA + 0x1000, "gh", 3);
    char *s = vmi_read_str_va(f->vmi, SPLIT_VA + 0xff0, 0);
    assert_string_equal(s, "0123456789abcdefgh");
    free(s);
    put(f, DATA + 0x7ffa, "abcdef", 6); /* no end before the memory's */
    s = vmi_read_str_va(f->vmi, EDGE_VA + 0xffa, 0);
    assert_string_equal(s, "abcdef");
    free(s);
    assert_int_equal(vmi_last_error(f->vmi)->kind, VMI_ERROR_NONE); /* that is no failure */
    memset(fake_at(f, LOW_SIZE - 5000), 'x', 5000);
    s = vmi_read_str_pa(f->vmi, LOW_SIZE - 5000);
    assert_int_equal(strlen(s), 5000);
    free(s);
}

static void capped(void **state)
{
    struct fake *f = *state;
    memset(fake_at(f, LOW_SIZE - (3 << 20) / 2), 'y', (3 << 20) / 2);
    char *s = vmi_read_str_pa(f->vmi, LOW_SIZE - (3 << 20) / 2);
    assert_int_equal(strlen(s), 1 << 20);
    free(s);
}

static void wide_strings(void **state)
{
    struct fake *f = *state;
    put(f, DATA + 0x100, "a\0b\0\0c\0\0z\0", 10);
    uint16_t *w = vmi_read_wstr_va(f->vmi, KERNEL_VA + 0x100, 0);
    assert_int_equal(w[0], 'a');
    assert_int_equal(w[2], 'c' << 8); /* a zero byte is no end */
    assert_int_equal(w[3], 0);
    free(w);
    put(f, DATA + 0x5ff9, "1\0002\0003\0004",
        7); /* odd, and over a page border in the middle of a unit */
    put(f, DATA + 0x1000, "\0005\0\0\0", 5);
    w = vmi_read_wstr_va(f->vmi, SPLIT_VA + 0xff9, 0);
    assert_int_equal(w[3], '4');
    assert_int_equal(w[4], '5');
    assert_int_equal(w[5], 0);
    free(w);
    put(f, DATA + 0x7ffd, "x\0y", 3); /* half a unit before the end of memory */
    w = vmi_read_wstr_va(f->vmi, EDGE_VA + 0xffd, 0);
    assert_int_equal(w[0], 'x');
    assert_int_equal(w[1], 0);
    free(w);
    assert_null(vmi_read_wstr_va(f->vmi, EDGE_VA + 0xfff, 0));
    ACCESS_CONTEXT(ctx, .addr = DATA + 0x100);
    w = vmi_read_wstr(f->vmi, &ctx);
    assert_int_equal(w[0], 'a');
    free(w);
    w = vmi_read_wstr_pa(f->vmi, DATA + 0x100);
    assert_int_equal(w[1], 'b');
    free(w);
}

static void counted_strings(void **state)
{
    struct fake *f = *state;
    uint8_t head[16] = {6, 0, 8, 0};
    uint64_t buffer = KERNEL_VA + 0x2000;
    memcpy(head + 8, &buffer, 8);
    put(f, DATA + 0x100, head, sizeof head);
    put(f, DATA + 0x2000, "a\0b\0c\0", 6);
    assert_null(vmi_read_unicode_str_va(f->vmi, KERNEL_VA + 0x100, 0));
    assert_story(f->vmi, "Windows");
    f->vmi->os.info.os = VMI_KIND_WINDOWS;
    unicode_string_t *s = vmi_read_unicode_str_va(f->vmi, KERNEL_VA + 0x100, 0), out;
    assert_int_equal(s->length, 6);
    assert_string_equal(s->encoding, "UTF-16");
    assert_int_equal(vmi_convert_str_encoding(s, &out, "UTF-8"), VMI_SUCCESS);
    assert_string_equal((char *)out.contents, "abc");
    free(out.contents);
    vmi_free_unicode_str(s);
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_KERNEL_SYMBOL, .ksym = "init_task");
    s = vmi_read_unicode_str(f->vmi, &ctx);
    assert_int_equal(s->length, 6);
    vmi_free_unicode_str(s);
    *fake_at(f, DATA + 0x100) = 10; /* longer than its buffer */
    assert_null(vmi_read_unicode_str(f->vmi, &ctx));
    assert_story(f->vmi, "maximum");
    *fake_at(f, DATA + 0x100) = 6;
    fake_put64(f, DATA + 0x108, EDGE_VA + 0xffe);
    assert_null(vmi_read_unicode_str(f->vmi, &ctx));
    uint32_t narrow = (uint32_t)(DATA + 0x2000); /* a 32-bit process: the buffer is at 4 */
    uint64_t pt = 0;
    put(f, DATA + 0x104, &narrow, 4);
    ACCESS_CONTEXT(physical, .addr = DATA + 0x100, .pt = pt);
    s = vmi_read_unicode_str_pm(f->vmi, &physical, VMI_PM_PAE);
    assert_int_equal(s->length, 6);
    assert_memory_equal(s->contents, "a\0b\0c\0\0\0", 8);
    vmi_free_unicode_str(s);
    vmi_free_unicode_str(NULL);
    f->vmi->os.info.os = VMI_KIND_LINUX;
}

static void encodings(void **state)
{
    unicode_string_t in = {.length = 4,
                           .contents = (uint8_t *)"a\0\xac\x20",
                           .encoding = "UTF-16LE"},
                     out;
    (void)state;
    assert_int_equal(vmi_convert_str_encoding(&in, &out, "UTF-8"), VMI_SUCCESS);
    assert_int_equal(out.length, 4);
    assert_string_equal((char *)out.contents, "a\xe2\x82\xac");
    free(out.contents);
    assert_int_equal(vmi_convert_str_encoding(&in, &out, "WCHAR_T"), VMI_SUCCESS);
    assert_int_equal(out.length, 2 * sizeof(wchar_t));
    assert_true(((wchar_t *)(void *)out.contents)[1] == 0x20ac &&
                ((wchar_t *)(void *)out.contents)[2] == 0);
    free(out.contents);
    assert_int_equal(vmi_convert_str_encoding(&in, &out, "UTF-32"),
                     VMI_SUCCESS); /* its mark and two units: 12 bytes */
    assert_int_equal(out.length, 12);
    free(out.contents);
    char many[4096];
    memset(many, 'a', sizeof many);
    unicode_string_t wide = {
        .length = sizeof many, .contents = (uint8_t *)many, .encoding = "ASCII"};
    assert_int_equal(vmi_convert_str_encoding(&wide, &out, "UTF-32LE"), VMI_SUCCESS);
    assert_int_equal(out.length, 4 * sizeof many);
    free(out.contents);
    unicode_string_t empty = {.encoding = "UTF-16"};
    assert_int_equal(vmi_convert_str_encoding(&empty, &out, "UTF-8"), VMI_SUCCESS);
    assert_int_equal(out.length, 0);
    free(out.contents);
    memset(&out, 0xff, sizeof out);
    in.encoding = NULL;
    assert_int_equal(vmi_convert_str_encoding(&in, &out, "UTF-8"), VMI_FAILURE);
    assert_null(out.contents);
    assert_int_equal(out.length, 0);
    in.encoding = "UTF-16LE";
    assert_int_equal(vmi_convert_str_encoding(&in, &out, "no-such-encoding"), VMI_FAILURE);
    in.length = 3; /* half a unit */
    assert_int_equal(vmi_convert_str_encoding(&in, &out, "UTF-8"), VMI_FAILURE);
    assert_int_equal(vmi_convert_str_encoding(NULL, &out, "UTF-8"), VMI_FAILURE);
    assert_int_equal(vmi_convert_str_encoding(&in, NULL, "UTF-8"), VMI_FAILURE);
}

/* What a call prints to stdout. */
static void printed(struct fake *f, uint64_t va, size_t n, char *buf, size_t size)
{
    char path[] = "/tmp/tinyvmi-print-XXXXXX";
    int fd = mkstemp(path), saved = dup(1);
    assert_true(fd >= 0 && saved >= 0);
    fflush(stdout);
    dup2(fd, 1);
    vmi_print_hex_va(f->vmi, va, 0, n);
    fflush(stdout);
    dup2(saved, 1);
    close(saved);
    ssize_t got = pread(fd, buf, size - 1, 0);
    buf[got < 0 ? 0 : got] = '\0';
    close(fd);
    unlink(path);
}

static void hex_dumps(void **state)
{
    struct fake *f = *state;
    char text[512];
    put(f, DATA + 0x5ff8, "Linux ve", 8); /* every page is translated by itself */
    put(f, DATA + 0x1000, "rsion 6.\x01\xff", 10);
    printed(f, SPLIT_VA + 0xff8, 18, text, sizeof text);
    assert_string_equal(
        text, "00000000|  4c 69 6e 75 78 20 76 65  72 73 69 6f 6e 20 36 2e   Linux version 6.\n"
              "00000010|  01 ff                                              ..\n");
    printed(f, EDGE_VA + 0xff8, 16, text, sizeof text); /* nothing unless all can be read */
    assert_string_equal(text, "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(byte_strings), T(across_pages),    T(capped),
        T(wide_strings), T(counted_strings), cmocka_unit_test(encodings),
        T(hex_dumps),
    };
    return cmocka_run_group_tests_name("vmi strings", tests, NULL, NULL);
}
