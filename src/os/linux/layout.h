/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every structure member, size and enumerator that we ask of a Linux kernel, by name. A row is M(id, "spec"): spec is
 * "struct.member" (the member is found inside anonymous structs and unions, too, and may be dotted), "sizeof:struct" or
 * "enum:NAME"; alternatives for kernels where it was renamed or moved are separated by '|', newest first. What no
 * alternative gives is absent (known == false): the code asks, and never compares versions.
 *
 * One line a row, grouped by the file that uses them.
 */
#ifndef TINYVMI_OS_LINUX_LAYOUT_H
#define TINYVMI_OS_LINUX_LAYOUT_H

/* clang-format off */
#define LINUX_LAYOUT(M) \
    /* task.c */ \
    M(task_size, "sizeof:task_struct") \
    M(task_tasks, "task_struct.tasks") \
    M(task_pid, "task_struct.pid") \
    M(task_tgid, "task_struct.tgid") \
    M(task_comm, "task_struct.comm") \
    M(task_mm, "task_struct.mm") \
    M(task_active_mm, "task_struct.active_mm") \
    M(task_state, "task_struct.__state|task_struct.state") \
    M(task_exit_state, "task_struct.exit_state") \
    M(task_flags, "task_struct.flags") \
    M(task_real_parent, "task_struct.real_parent") \
    M(task_group_leader, "task_struct.group_leader") \
    M(task_signal, "task_struct.signal") \
    M(task_thread_node, "task_struct.thread_node") \
    M(task_thread_group, "task_struct.thread_group") \
    M(task_cred, "task_struct.real_cred|task_struct.cred") \
    M(task_start_boottime, "task_struct.start_boottime|task_struct.real_start_time") \
    M(task_start_time, "task_struct.start_time") \
    M(task_files, "task_struct.files") \
    M(task_fs, "task_struct.fs") \
    M(task_nsproxy, "task_struct.nsproxy") \
    M(task_thread_pid, "task_struct.thread_pid") \
    M(signal_thread_head, "signal_struct.thread_head") \
    M(signal_nr_threads, "signal_struct.nr_threads") \
    M(cred_uid, "cred.uid") \
    M(cred_gid, "cred.gid") \
    M(cred_euid, "cred.euid") \
    M(mm_pgd, "mm_struct.pgd") \
    M(mm_arg_start, "mm_struct.arg_start") \
    M(mm_arg_end, "mm_struct.arg_end") \
    M(mm_env_end, "mm_struct.env_end") \
    M(pidns_idr, "pid_namespace.idr") \
    M(pid_tasks, "pid.tasks") \
    M(task_pid_links, "task_struct.pid_links") \
    /* bringup.c */ \
    M(uts_name, "uts_namespace.name") \
    M(utsname_nodename, "new_utsname.nodename") \
    M(utsname_release, "new_utsname.release") \
    M(timekeeper_xtime_sec, "timekeeper.xtime_sec") \
    M(timekeeper_offs_boot, "timekeeper.offs_boot") \
    M(timekeeper_offs_real, "timekeeper.offs_real") \
    M(timekeeper_wall_to_mono, "timekeeper.wall_to_monotonic.tv_sec") \
    M(timekeeper_wall_to_mono_nsec, "timekeeper.wall_to_monotonic.tv_nsec")
/* clang-format on */

enum layout_id {
#define LAYOUT_ENUM(id, spec) L_##id,
    LINUX_LAYOUT(LAYOUT_ENUM)
#undef LAYOUT_ENUM
        L_COUNT
};

#endif
