/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Variables by their declarations in Linux 5.10 to 6.12: init/init_task.c, kernel/module/main.c,
 * kernel/resource.c, kernel/printk/printk.c, net/core/net_namespace.c, and the files that the names
 * tell. A type that a kernel does not have is left out by whoever asks.
 */
#include "sym/isf_known.h"

#include <stdlib.h>
#include <string.h>

/* In the order of strcmp. */
static const struct isf_known known[] = {
    {"boot_cpu_data", "struct cpuinfo_x86", false},
    {"cgrp_dfl_root", "struct cgroup_root", false},
    {"chrdevs", "struct char_device_struct", true},
    {"clocksource_list", "struct list_head", false},
    {"console_drivers", "struct console", true},
    {"dentry_hashtable", "struct hlist_bl_head", true},
    {"file_systems", "struct file_system_type", true},
    {"ftrace_ops_list", "struct ftrace_ops", true},
    {"init_css_set", "struct css_set", false},
    {"init_files", "struct files_struct", false},
    {"init_fs", "struct fs_struct", false},
    {"init_mm", "struct mm_struct", false},
    {"init_net", "struct net", false},
    {"init_nsproxy", "struct nsproxy", false},
    {"init_pid_ns", "struct pid_namespace", false},
    {"init_task", "struct task_struct", false},
    {"init_user_ns", "struct user_namespace", false},
    {"init_uts_ns", "struct uts_namespace", false},
    {"inode_hashtable", "struct hlist_head", true},
    {"iomem_resource", "struct resource", false},
    {"ioport_resource", "struct resource", false},
    {"jiffies", "long unsigned int", false},
    {"jiffies_64", "long long unsigned int", false},
    {"kallsyms_num_syms", "unsigned int", false},
    {"keyboard_notifier_list", "struct atomic_notifier_head", false},
    {"log_buf", "char", true},
    {"log_buf_len", "unsigned int", false},
    {"module_kset", "struct kset", true},
    {"modules", "struct list_head", false},
    {"mount_hashtable", "struct hlist_head", true},
    {"net_namespace_list", "struct list_head", false},
    {"nr_threads", "int", false},
    {"page_offset_base", "long unsigned int", false},
    {"phys_base", "long unsigned int", false},
    {"pid_hash", "struct hlist_head", true},
    {"prb", "struct printk_ringbuffer", true},
    {"prog_idr", "struct idr", false},
    {"ptype_all", "struct list_head", false},
    {"root_task_group", "struct task_group", false},
    {"saved_command_line", "char", true},
    {"slab_caches", "struct list_head", false},
    {"socket_file_ops", "struct file_operations", false},
    {"sockfs_dentry_operations", "struct dentry_operations", false},
    {"super_blocks", "struct list_head", false},
    {"tcp_hashinfo", "struct inet_hashinfo", false},
    {"timekeeper", "struct timekeeper", false},
    {"tty_drivers", "struct list_head", false},
    {"udp_table", "struct udp_table", false},
    {"vdso_image_64", "struct vdso_image", false},
    {"vmap_area_list", "struct list_head", false},
    {"vmemmap_base", "long unsigned int", false},
    {"vmlist", "struct vm_struct", true},
};

static int compare(const void *name, const void *row)
{
    return strcmp(name, ((const struct isf_known *)row)->name);
}

const struct isf_known *isf_known(const char *name)
{
    return bsearch(name, known, sizeof known / sizeof *known, sizeof *known, compare);
}
