/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the configuration comes from, and what its keys mean. */
#define _GNU_SOURCE
#include "vmi/config.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/platform.h"

enum { MAX_CONFIG = 16 << 20, MAX_NAME = 100 };

const struct config_key config_keys[] = {
#define CONFIG_ROW(name)       {#name, CONFIG_NUMBER, true, CFG_##name},
#define CONFIG_TABLE_ROW(name) {#name, CONFIG_NUMBER, false, CFG_##name},
    CONFIG_NUMBERS(CONFIG_ROW) CONFIG_TABLE_NUMBERS(CONFIG_TABLE_ROW)
#undef CONFIG_ROW
#undef CONFIG_TABLE_ROW
        {"ostype", CONFIG_WORD, true, 0},
    {"os_type", CONFIG_WORD, false, 0},
    {"pagemode", CONFIG_WORD, true, 0},
    {"aarch64_ttbr0_granule_size", CONFIG_WORD, true, 0},
    {"aarch64_ttbr1_granule_size", CONFIG_WORD, true, 0},
    {"sysmap", CONFIG_PATH, true, 0},
    {"volatility_ist", CONFIG_PATH, true, 0},
    {"rekall_profile", CONFIG_PATH, true, 0},
    {NULL, CONFIG_NUMBER, false, 0},
};

struct config *config_new(void)
{
    struct config *c = calloc(1, sizeof *c);
    if (c)
        c->page_mode = VMI_PM_UNKNOWN;
    return c;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    free(c->sysmap);
    free(c->volatility_ist);
    free(c->rekall_profile);
    free(c);
}

const char *config_profile(const struct config *c)
{
    return c->volatility_ist ? c->volatility_ist : c->rekall_profile;
}

void config_take_profile(struct config *c, struct config *old)
{
    if (!old || config_profile(c))
        return;
    c->volatility_ist = old->volatility_ist;
    c->rekall_profile = old->rekall_profile;
    old->volatility_ist = old->rekall_profile = NULL;
}

void config_settings(const struct config *c, struct os_settings *ret)
{
    *ret = (struct os_settings){
        .kpgd = c->number[CFG_kpgd],
        .tasks = c->number[CFG_linux_tasks],
        .mm = c->number[CFG_linux_mm],
        .pid = c->number[CFG_linux_pid],
        .name = c->number[CFG_linux_name],
        .pgd = c->number[CFG_linux_pgd],
        .init_task = c->number[CFG_linux_init_task],
        .slide = c->number[CFG_linux_kaslr],
    };
}

/* ---- keys with a text ------------------------------------------------------------------------ */

struct word {
    const char *name;
    uint64_t value;
};

static bool find_word(const struct word *words, const char *name, uint64_t *ret)
{
    for (; words->name; words++) {
        if (strcmp(words->name, name) == 0) {
            *ret = words->value;
            return true;
        }
    }
    return false;
}

static void set_ostype(struct config *c, const char *value)
{
    static const struct word words[] = {{"Linux", VMI_OS_LINUX},
                                        {"Windows", VMI_OS_WINDOWS},
                                        {"FreeBSD", VMI_OS_FREEBSD},
                                        {"OSX", VMI_OS_OSX},
                                        {NULL, 0}};
    uint64_t v;
    c->ostype = find_word(words, value, &v) ? (os_t)v : VMI_OS_UNKNOWN;
}

static void set_page_mode(struct config *c, const char *value)
{
#define MODE(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
    static const struct word words[] = {
        MODE(VMI_PM_LEGACY),  MODE(VMI_PM_PAE),    MODE(VMI_PM_IA32E),  MODE(VMI_PM_AARCH32),
        MODE(VMI_PM_AARCH64), MODE(VMI_PM_EPT_4L), MODE(VMI_PM_EPT_5L), {NULL, 0}};
#undef MODE
    uint64_t v;
    if (find_word(words, value, &v)) {
        c->page_mode = (page_mode_t)v;
        return;
    }
    c->page_mode = VMI_PM_UNKNOWN;
    fprintf(stderr, "VMI_WARNING: configuration: \"%s\" is no page mode\n", value);
}

static void set_granule(struct config *c, unsigned half, const char *value)
{
    static const struct word words[] = {{"VMI_PS_4KB", VMI_PS_4KB},
                                        {"VMI_PS_16KB", VMI_PS_16KB},
                                        {"VMI_PS_64KB", VMI_PS_64KB},
                                        {NULL, 0}};
    c->ttbr_granule[half] = 0;
    find_word(words, value, &c->ttbr_granule[half]);
}

int config_set_text(struct config *c, const char *key, const char *value)
{
    char **path = NULL;
    if (strcmp(key, "ostype") == 0 || strcmp(key, "os_type") == 0)
        set_ostype(c, value);
    else if (strcmp(key, "pagemode") == 0)
        set_page_mode(c, value);
    else if (strcmp(key, "aarch64_ttbr0_granule_size") == 0)
        set_granule(c, 0, value);
    else if (strcmp(key, "aarch64_ttbr1_granule_size") == 0)
        set_granule(c, 1, value);
    else if (strcmp(key, "sysmap") == 0)
        path = &c->sysmap;
    else if (strcmp(key, "volatility_ist") == 0)
        path = &c->volatility_ist;
    else if (strcmp(key, "rekall_profile") == 0)
        path = &c->rekall_profile;
    if (!path)
        return ST_OK;
    char *copy = strdup(value);
    if (!copy)
        return ST_NOMEM;
    free(*path);
    *path = copy;
    return ST_OK;
}

/* ---- sources --------------------------------------------------------------------------------- */

/* The name that entries are looked up by: a file's last path component, a guest's name, or domid-N.
 */
static void entry_name(vmi_instance_t vmi, char *buf, size_t size)
{
    const char *name = vmi->name;
    if (vmi->mode == VMI_FILE) {
        const char *slash = strrchr(name, '/');
        name = slash ? slash + 1 : name;
    }
    if (*name)
        snprintf(buf, size, "%s", name);
    else
        snprintf(buf, size, "domid-%llu", (unsigned long long)vmi->source.id);
}

/* Reads a whole small file; ST_ABSENT when it cannot be opened. */
static int load_file(const char *path, struct diag *d, char **text, size_t *n)
{
    struct plat_file f;
    int err = plat_file_open(path, 0, &f);
    if (err)
        return diag_fail(d, ST_ABSENT, "%s: %s", path, strerror(-err));
    int st = ST_OK;
    char *p = f.size <= MAX_CONFIG ? malloc((size_t)f.size) : NULL;
    if (f.size > MAX_CONFIG)
        st = diag_fail(d, ST_LIMIT, "%s is too large for a configuration", path);
    else if (!p)
        st = diag_fail(d, ST_NOMEM, "no memory for %s", path);
    else if (plat_file_read(&f, 0, p, (size_t)f.size) != 0)
        st = diag_fail(d, ST_IO, "%s cannot be read", path);
    *n = (size_t)f.size;
    plat_file_close(&f);
    if (st == ST_OK)
        *text = p;
    else
        free(p);
    return st;
}

static int parse_file(vmi_instance_t vmi, const char *path, struct config **ret)
{
    char name[MAX_NAME + 1], *text = NULL;
    size_t n = 0;
    entry_name(vmi, name, sizeof name);
    int st = load_file(path, &vmi->diag, &text, &n);
    if (st == ST_ABSENT)
        return ST_IO; /* told apart from a file without the entry */
    if (st != ST_OK)
        return st;
    st = config_parse((struct bytes){(const uint8_t *)text, n}, name, false, &vmi->diag, ret);
    if (st != ST_OK)
        diag_wrap(&vmi->diag, st, "%s", path);
    free(text);
    return st;
}

static bool can_open(const char *path)
{
    FILE *f = fopen(path, "re");
    if (f)
        fclose(f);
    return f != NULL;
}

/* The first of LibVMI's places that can be opened; to be freed, NULL when there is none. */
static char *global_file(void)
{
    const char *sudo = getenv("SUDO_USER"), *home = getenv("HOME");
    const struct passwd *pw = sudo ? getpwnam(sudo) : NULL;
    const char *dirs[] = {"", pw ? pw->pw_dir : NULL, home, "/"};
    const char *rest[] = {"libvmi.conf", "/etc/libvmi.conf", "/etc/libvmi.conf", "etc/libvmi.conf"};
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        char *path;
        if (!dirs[i] || asprintf(&path, "%s%s", dirs[i], rest[i]) < 0)
            continue;
        if (can_open(path))
            return path;
        free(path);
    }
    return NULL;
}

static int load_global(vmi_instance_t vmi, struct config **ret, vmi_init_error_t *missing)
{
    char *path = global_file();
    if (!path)
        return diag_fail(&vmi->diag, ST_ABSENT, "there is no libvmi.conf");
    int st = parse_file(vmi, path, ret);
    free(path);
    if (st == ST_ABSENT)
        *missing = VMI_INIT_ERROR_NO_CONFIG_ENTRY;
    return st == ST_IO ? ST_ABSENT : st; /* empty, or gone meanwhile: as if it were not there */
}

static int load_json_path(const char *path, struct diag *d, struct config **ret)
{
    struct config *c = config_new();
    if (!c || config_set_text(c, "volatility_ist", path) != ST_OK) {
        config_free(c);
        return diag_fail(d, ST_NOMEM, "no memory for the configuration");
    }
    *ret = c;
    return ST_OK;
}

int config_load(vmi_instance_t vmi, vmi_config_t mode, void *config, struct config **ret,
                vmi_init_error_t *missing)
{
    char name[MAX_NAME + 1];
    int st;
    *missing = VMI_INIT_ERROR_NO_CONFIG;
    diag_clear(&vmi->diag);
    entry_name(vmi, name, sizeof name);
    if (!config && mode != VMI_CONFIG_GLOBAL_FILE_ENTRY)
        st = diag_fail(&vmi->diag, ST_INVALID, "no configuration was given");
    else if (mode == VMI_CONFIG_GLOBAL_FILE_ENTRY)
        st = load_global(vmi, ret, missing);
    else if (mode == VMI_CONFIG_FILE_PATH)
        st = parse_file(vmi, config, ret);
    else if (mode == VMI_CONFIG_STRING)
        st = config_parse((struct bytes){config, strlen(config)}, name, true, &vmi->diag, ret);
    else if (mode == VMI_CONFIG_GHASHTABLE)
        st = config_from_table(config, &vmi->diag, ret);
    else if (mode == VMI_CONFIG_JSON_PATH)
        st = load_json_path(config, &vmi->diag, ret);
    else
        st = diag_fail(&vmi->diag, ST_INVALID, "%d is no way to give a configuration", (int)mode);
    if (st == ST_OK)
        *missing = VMI_INIT_ERROR_NONE;
    else if (st == ST_ABSENT && mode == VMI_CONFIG_FILE_PATH)
        *missing = VMI_INIT_ERROR_NO_CONFIG_ENTRY;
    if (st != ST_OK && st != ST_ABSENT)
        vmi_fail(vmi, st, NULL);
    return st;
}
