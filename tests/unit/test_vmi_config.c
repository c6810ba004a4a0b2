/* SPDX-License-Identifier: BSD-2-Clause */
/* The grammar of the configuration, rule by rule, and where it is looked for. */
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>

#include <glib.h>

#include "vmi/config.h"
#include "vmi_fake.h"

static struct diag d;

/* ST_* of parsing a file for the guest "vm1"; *ret is to be freed when ST_OK. */
static int parse(const char *text, struct config **ret)
{
    *ret = NULL;
    diag_clear(&d);
    return config_parse((struct bytes){(const uint8_t *)text, strlen(text)}, "vm1", false, &d, ret);
}

static void good(const char *text)
{
    struct config *c;
    if (parse(text, &c) != ST_OK)
        fail_msg("refused: %s\n%s", text, d.text);
    config_free(c);
}

static void bad(const char *text, const char *words)
{
    struct config *c;
    int st = parse(text, &c);
    if (st != ST_BROKEN)
        fail_msg("not refused (%d): %s", st, text);
    if (!strstr(d.text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, d.text);
    assert_null(c);
}

static void an_entry(void **state)
{
    (void)state;
    struct config *c;
    assert_int_equal(parse("# guests\nvm1 {\n  ostype = \"Linux\";\n  sysmap = "
                           "\"/boot/System.map-6.1.0-27-amd64\"; # map\n"
                           "  linux_tasks = 0x4A0; linux_mm=1184;\n\tlinux_pid = 0102; ; ;\n}\n",
                           &c),
                     ST_OK);
    assert_int_equal(c->ostype, VMI_OS_LINUX);
    assert_string_equal(c->sysmap, "/boot/System.map-6.1.0-27-amd64");
    assert_int_equal(c->number[CFG_linux_tasks], 0x4a0);
    assert_int_equal(c->number[CFG_linux_mm], 1184);
    assert_int_equal(c->number[CFG_linux_pid], 0102); /* a leading 0 is octal */
    assert_int_equal(c->number[CFG_linux_name], 0);
    assert_int_equal(c->page_mode, VMI_PM_UNKNOWN);
    struct os_settings s;
    config_settings(c, &s);
    assert_int_equal(s.tasks, 0x4a0);
    config_free(c);
}

static void entries(void **state)
{
    (void)state;
    struct config *c;
    assert_int_equal(parse("", &c), ST_ABSENT);
    assert_int_equal(parse("other { kpgd = 1; }\n", &c), ST_ABSENT);
    assert_int_equal(parse("VM1 { kpgd = 1; }", &c), ST_ABSENT); /* case matters */
    assert_int_equal(parse("vm1 { kpgd = 1; linux_mm = 4; } vm1 { kpgd = 2; }", &c), ST_OK);
    assert_int_equal(c->number[CFG_kpgd],
                     2); /* the later entry replaces the earlier one as a whole */
    assert_int_equal(c->number[CFG_linux_mm], 0);
    config_free(c);
    assert_int_equal(parse("vm1 { kpgd = 1; kpgd = 3; }", &c), ST_OK);
    assert_int_equal(c->number[CFG_kpgd], 3);
    config_free(c);
    good("vm1{}");
    good("win7-64.img_2 { } vm1 { }");
    bad("vm1 { kpgd = 1; } other { nonsense = 1; }",
        "a key that is known"); /* any error spoils the file */
    bad("vm1 { kpgd = 1 }", "; after a value");
    bad("vm1 { kpgd 1; }", "=");
    bad("vm1 { kpgd = 1;", "key");
    bad("vm1 kpgd = 1;", "{");
    bad("vm1 { } }", "name of an entry");
}

static void names(void **state)
{
    (void)state;
    good("vm1 {} 2vm {} a. {} a-b_c.d {} 1x {}");
    bad("v {} vm1 {}", "name of an entry");
    bad("12 {} vm1 {}", "name of an entry");
    bad("0x12 {} vm1 {}", "name of an entry");
    bad("_vm {} vm1 {}", "name of an entry");
    bad("-vm {} vm1 {}", "name of an entry");
    bad("a/b {} vm1 {}", "name of an entry");
    bad("a@b {} vm1 {}", "name of an entry");
    bad("aa bb {} vm1 {}", "{");
    bad("\"vm2\" {} vm1 {}", "name of an entry");
    bad("kpgd {} vm1 {}", "name of an entry");
    bad("vm+ {} vm1 {}", "no meaning");
}

static void numbers(void **state)
{
    (void)state;
    struct config *c;
    assert_int_equal(parse("vm1 { kpgd = 0xFFFFFFFFffffffff; }", &c), ST_OK);
    assert_true(c->number[CFG_kpgd] == UINT64_MAX);
    config_free(c);
    bad("vm1 { kpgd = 0x1ffffffffffffffff; }", "64 bits");
    bad("vm1 { kpgd = 0X10; }", "a number");
    bad("vm1 { kpgd = 0x; }", "a number");
    bad("vm1 { kpgd = -1; }", "a number");
    bad("vm1 { kpgd = +1; }", "no meaning");
    bad("vm1 { kpgd = \"1\"; }", "a number");
    bad("vm1 { kpgd = 12ab; }", "a number");
    bad("vm1 { kpgd = 089; }", "64 bits");
    bad("vm1 { kpgd = ; }", "a number");
    good("vm1 { linux_addr = 1; win_kdbg = 2; freebsd_pgd = 3; aarch64_ttbr0_va_width = 48; }");
    bad("vm1 { osx_name = 1; }", "a key that is known"); /* only in a hash table */
    bad("vm1 { os_type = \"Linux\"; }", "a key that is known");
}

static void texts(void **state)
{
    (void)state;
    struct config *c;
    assert_int_equal(parse("vm1 { ostype = \" Windows \"; pagemode = \"VMI_PM_PAE\"; "
                           "aarch64_ttbr1_granule_size = \"VMI_PS_64KB\"; }",
                           &c),
                     ST_OK);
    assert_int_equal(c->ostype, VMI_OS_WINDOWS);
    assert_int_equal(c->page_mode, VMI_PM_PAE);
    assert_int_equal(c->ttbr_granule[1], 0x10000);
    config_free(c);
    assert_int_equal(parse("vm1 { ostype = \"linux\"; pagemode = \"VMI_PM_FOO\"; }", &c),
                     ST_OK); /* words without meaning */
    assert_int_equal(c->ostype, VMI_OS_UNKNOWN);
    assert_int_equal(c->page_mode, VMI_PM_UNKNOWN);
    config_free(c);
    bad("vm1 { ostype = Linux; }", "double quotes");
    bad("vm1 { ostype = \"Linux; }", "closing quote");
    bad("vm1 { ostype = \"a/b\"; }", "a word");
    bad("vm1 { ostype = \"\"; }", "a word");
    bad("vm1 { ostype = \"1\"; }", "a word");
}

static void paths(void **state)
{
    (void)state;
    struct config *c;
    good("vm1 { sysmap = \"./System.map\"; }");
    good("vm1 { sysmap = \"System@map\"; rekall_profile = \"_x\"; volatility_ist = \"-x\"; }");
    good("vm1 { sysmap = \".x\"; }");
    bad("vm1 { sysmap = \"System.map\"; }", "\"./System.map\"");
    bad("vm1 { sysmap = \"1234\"; }", "a path");
    bad("vm1 { sysmap = \"/a b\"; }", "closing quote");
    bad("vm1 { sysmap = \"/a+b\"; }", "no meaning");
    bad("vm1 { sysmap = \"~/x\"; }", "no meaning");
    bad("vm1 { sysmap = \"/c:x\"; }", "no meaning");
    assert_int_equal(parse("vm1 { volatility_ist = \"/a\"; rekall_profile = \"/b\"; }", &c), ST_OK);
    assert_string_equal(config_profile(c), "/a");
    config_free(c);
    assert_int_equal(parse("vm1 { rekall_profile = \"/b\"; }", &c), ST_OK);
    assert_string_equal(config_profile(c), "/b");
    config_free(c);
}

static void long_words(void **state)
{
    (void)state;
    char text[1200];
    for (int n = 1023; n <= 1024; n++) {
        char path[1100];
        memset(path, 'a', sizeof path);
        path[0] = '/';
        path[n] = '\0';
        snprintf(text, sizeof text, "vm1 { sysmap = \"%s\"; }", path);
        if (n == 1023)
            good(text);
        else
            bad(text, "1023 characters");
    }
}

static void comments_and_blanks(void **state)
{
    (void)state;
    good("# first\nvm1 # name\n{ # open\nkpgd # key\n= # is\n1 # one\n; } # end\n");
    good("\t vm1\t{\r\n}\r\n");
    bad("vm1 {} # the end", "newline");
    bad("vm1 { kpgd = 1; } %", "no meaning");
    bad("vm1 { kpgd = 1; }\n\n'", "line 3");
    struct config *c = NULL;
    static const char nul[] = "vm1 { kpgd = 1; }\0";
    assert_int_equal(
        config_parse((struct bytes){(const uint8_t *)nul, sizeof nul}, "vm1", false, &d, &c),
        ST_BROKEN);
}

/* A syntax error leaves nothing behind for the next text, and neither does an entry of an earlier
 * one. */
static void nothing_is_kept(void **state)
{
    (void)state;
    struct config *c;
    assert_int_equal(parse("vm1 { kpgd = 5; }", &c), ST_OK);
    config_free(c);
    bad("vm1 { kpgd = ", "a number");
    assert_int_equal(parse("vm2 { kpgd = 5; }", &c), ST_ABSENT);
    good("vm1 { kpgd = 5; }");
}

/* ---- through the API ------------------------------------------------------------------------- */

static int load(struct fake *f, vmi_config_t mode, const void *config, struct config **ret,
                vmi_init_error_t *missing)
{
    *ret = NULL;
    return config_load(f->vmi, mode, (void *)(uintptr_t)config, ret, missing);
}

static void strings_and_tables(void **state)
{
    struct fake *f = fake_new(false);
    struct config *c;
    vmi_init_error_t missing;
    (void)state;
    assert_int_equal(
        load(f, VMI_CONFIG_STRING, "{ostype = \"Linux\"; kpgd = 0x1000;}", &c, &missing), ST_OK);
    assert_int_equal(missing, VMI_INIT_ERROR_NONE);
    assert_int_equal(c->number[CFG_kpgd], 0x1000);
    config_free(c);
    assert_int_equal(load(f, VMI_CONFIG_STRING, "vm1 {kpgd = 0x1000;}", &c, &missing), ST_BROKEN);
    assert_int_equal(missing, VMI_INIT_ERROR_NO_CONFIG);
    assert_int_equal(load(f, VMI_CONFIG_STRING, NULL, &c, &missing), ST_INVALID);
    assert_int_equal(load(f, VMI_CONFIG_JSON_PATH, "/x/y.json", &c, &missing), ST_OK);
    assert_string_equal(config_profile(c), "/x/y.json");
    config_free(c);
    uint64_t tasks = 0x4a0, osx = 8;
    GHashTable *t = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(t, "os_type", "Linux");
    g_hash_table_insert(t, "linux_tasks", &tasks);
    g_hash_table_insert(t, "osx_name", &osx);
    g_hash_table_insert(t, "unknown", "ignored");
    g_hash_table_insert(t, "sysmap", "System.map with blanks");
    assert_int_equal(load(f, VMI_CONFIG_GHASHTABLE, t, &c, &missing), ST_OK);
    assert_int_equal(c->ostype, VMI_OS_LINUX);
    assert_int_equal(c->number[CFG_linux_tasks], 0x4a0);
    assert_int_equal(c->number[CFG_osx_name], 8);
    assert_string_equal(c->sysmap, "System.map with blanks");
    config_free(c);
    g_hash_table_destroy(t);
    fake_free(f);
}

static void files(void **state)
{
    struct fake *f = fake_new(false); /* /tmp/fake.raw: its entry is "fake.raw" */
    struct config *c;
    vmi_init_error_t missing;
    char dir[] = "/tmp/tinyvmi-config-XXXXXX", path[64], *home = getenv("HOME"),
         *old = get_current_dir_name();
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/libvmi.conf", dir);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs("other { kpgd = 1; }\nfake.raw { kpgd = 7; }\n", out);
    fclose(out);
    assert_int_equal(load(f, VMI_CONFIG_FILE_PATH, path, &c, &missing), ST_OK);
    assert_int_equal(c->number[CFG_kpgd], 7);
    config_free(c);
    assert_int_equal(load(f, VMI_CONFIG_FILE_PATH, "/nonexistent/libvmi.conf", &c, &missing),
                     ST_IO);
    assert_int_equal(missing, VMI_INIT_ERROR_NO_CONFIG);
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(load(f, VMI_CONFIG_GLOBAL_FILE_ENTRY, NULL, &c, &missing),
                     ST_OK); /* the current folder is first */
    assert_int_equal(c->number[CFG_kpgd], 7);
    config_free(c);
    free(f->vmi->name);
    f->vmi->name = strdup("/tmp/unknown.raw");
    assert_int_equal(load(f, VMI_CONFIG_FILE_PATH, path, &c, &missing), ST_ABSENT);
    assert_int_equal(missing, VMI_INIT_ERROR_NO_CONFIG_ENTRY);
    assert_int_equal(load(f, VMI_CONFIG_GLOBAL_FILE_ENTRY, NULL, &c, &missing), ST_ABSENT);
    assert_int_equal(missing, VMI_INIT_ERROR_NO_CONFIG_ENTRY);
    unlink(path);
    if (access("/etc/libvmi.conf", F_OK) != 0 && !getenv("SUDO_USER")) {
        unsetenv("HOME"); /* that it is not set is nothing special */
        assert_int_equal(load(f, VMI_CONFIG_GLOBAL_FILE_ENTRY, NULL, &c, &missing), ST_ABSENT);
        assert_int_equal(missing, VMI_INIT_ERROR_NO_CONFIG);
        if (home)
            setenv("HOME", home, 1);
    }
    assert_int_equal(chdir(old), 0);
    free(old);
    rmdir(dir);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry),        cmocka_unit_test(entries),
        cmocka_unit_test(names),           cmocka_unit_test(numbers),
        cmocka_unit_test(texts),           cmocka_unit_test(paths),
        cmocka_unit_test(long_words),      cmocka_unit_test(comments_and_blanks),
        cmocka_unit_test(nothing_is_kept), cmocka_unit_test(strings_and_tables),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests_name("vmi config", tests, NULL, NULL);
}
