/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every structure member, size and enumerator that we ask of a Linux kernel, by name. A row is
 * M(id, "spec"): spec is "struct.member" (the member is found inside anonymous structs and unions,
 * too, and may be dotted), "sizeof:struct" or "enum:NAME"; alternatives for kernels where it was
 * renamed or moved are separated by '|', newest first. What no alternative gives is absent (known
 * == false): the code asks, and never compares versions.
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
    M(task_cred, "task_struct.real_cred|task_struct.cred") \
    M(task_start_boottime, "task_struct.start_boottime|task_struct.real_start_time") \
    M(task_start_time, "task_struct.start_time") \
    M(task_files, "task_struct.files") \
    M(task_fs, "task_struct.fs") \
    M(task_nsproxy, "task_struct.nsproxy") \
    M(task_thread_pid, "task_struct.thread_pid") \
    M(task_worker_private, "task_struct.worker_private") \
    M(kthread_full_name, "kthread.full_name") \
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
    /* path.c */ \
    M(path_mnt, "path.mnt") \
    M(path_dentry, "path.dentry") \
    M(dentry_parent, "dentry.d_parent") \
    M(dentry_name, "dentry.d_name.name|dentry.__d_name.name") \
    M(dentry_name_len, "dentry.d_name.len|dentry.__d_name.len") \
    M(dentry_hash_pprev, "dentry.d_hash.pprev") \
    M(dentry_inode, "dentry.d_inode") \
    M(dentry_op, "dentry.d_op") \
    M(dentry_sb, "dentry.d_sb") \
    M(dentry_fsdata, "dentry.d_fsdata") \
    M(dentry_ops_dname, "dentry_operations.d_dname") \
    M(vfsmount_root, "vfsmount.mnt_root") \
    M(vfsmount_sb, "vfsmount.mnt_sb") \
    M(vfsmount_flags, "vfsmount.mnt_flags") \
    M(mount_mnt, "mount.mnt") \
    M(mount_parent, "mount.mnt_parent") \
    M(mount_mountpoint, "mount.mnt_mountpoint") \
    M(inode_mode, "inode.i_mode") \
    M(inode_ino, "inode.i_ino") \
    M(inode_sb, "inode.i_sb") \
    M(inode_private, "inode.i_private") \
    M(sb_dev, "super_block.s_dev") \
    M(sb_flags, "super_block.s_flags") \
    M(sb_type, "super_block.s_type") \
    M(sb_subtype, "super_block.s_subtype") \
    M(fstype_name, "file_system_type.name") \
    M(ns_ops, "ns_common.ops") \
    M(ns_ops_name, "proc_ns_operations.name") \
    M(dma_buf_name, "dma_buf.name") \
    M(fs_root, "fs_struct.root") \
    /* vma.c */ \
    M(mm_mt_root, "mm_struct.mm_mt.ma_root") \
    M(mm_mmap, "mm_struct.mmap") \
    M(mm_brk, "mm_struct.brk") \
    M(mm_start_brk, "mm_struct.start_brk") \
    M(mm_start_stack, "mm_struct.start_stack") \
    M(mr64_pivot, "maple_range_64.pivot") \
    M(mr64_slot, "maple_range_64.slot") \
    M(ma64_pivot, "maple_arange_64.pivot") \
    M(ma64_slot, "maple_arange_64.slot") \
    M(vma_start, "vm_area_struct.vm_start") \
    M(vma_end, "vm_area_struct.vm_end") \
    M(vma_next, "vm_area_struct.vm_next") \
    M(vma_flags, "vm_area_struct.vm_flags|vm_area_struct.__vm_flags|vm_area_struct.flags") \
    M(vma_pgoff, "vm_area_struct.vm_pgoff") \
    M(vma_file, "vm_area_struct.vm_file") \
    M(vma_ops, "vm_area_struct.vm_ops") \
    M(vma_private, "vm_area_struct.vm_private_data") \
    M(vma_shared, "vm_area_struct.shared") \
    M(vma_anon_name, "vm_area_struct.anon_name") \
    M(anon_name_text, "anon_vma_name.name") \
    M(vm_ops_name, "vm_operations_struct.name") \
    M(special_mapping_name, "vm_special_mapping.name") \
    /* file.c */ \
    M(files_fdt, "files_struct.fdt") \
    M(fdt_max_fds, "fdtable.max_fds") \
    M(fdt_fd, "fdtable.fd") \
    M(fdt_close_on_exec, "fdtable.close_on_exec") \
    M(fdt_open_fds, "fdtable.open_fds") \
    M(file_path, "file.f_path|file.__f_path") \
    M(file_inode, "file.f_inode") \
    M(file_flags, "file.f_flags") \
    M(file_mode, "file.f_mode") \
    M(file_pos, "file.f_pos") \
    M(file_private, "file.private_data") \
    M(backing_file_user_path, "backing_file.user_path") \
    /* mount.c */ \
    M(nsproxy_mnt_ns, "nsproxy.mnt_ns") \
    M(mntns_list, "mnt_namespace.list") \
    M(mntns_mounts, "mnt_namespace.mounts.rb_node") \
    M(rb_left, "rb_node.rb_left") \
    M(rb_right, "rb_node.rb_right") \
    M(mount_list, "mount.mnt_list") \
    M(mount_node, "mount.mnt_node") \
    M(mount_id, "mount.mnt_id") \
    M(mount_id_unique, "mount.mnt_id_unique") \
    M(mount_devname, "mount.mnt_devname") \
    /* net.c */ \
    M(nsproxy_net_ns, "nsproxy.net_ns") \
    M(net_list, "net.list") \
    M(net_tcp_hashinfo, "net.ipv4.tcp_death_row.hashinfo") \
    M(net_udp_table, "net.ipv4.udp_table") \
    M(net_unix_buckets, "net.unx.table.buckets") \
    M(hashinfo_ehash, "inet_hashinfo.ehash") \
    M(hashinfo_ehash_mask, "inet_hashinfo.ehash_mask") \
    M(ehash_bucket_size, "sizeof:inet_ehash_bucket") \
    M(hashinfo_lhash2, "inet_hashinfo.lhash2") \
    M(hashinfo_lhash2_mask, "inet_hashinfo.lhash2_mask") \
    M(hashinfo_listening, "inet_hashinfo.listening_hash") \
    M(listen_bucket_size, "sizeof:inet_listen_hashbucket") \
    M(listen_bucket_head, "inet_listen_hashbucket.nulls_head|inet_listen_hashbucket.head") \
    M(udp_table_hash, "udp_table.hash") \
    M(udp_table_mask, "udp_table.mask") \
    M(udp_slot_size, "sizeof:udp_hslot") \
    M(udp_slot_head, "udp_hslot.head") \
    M(skc_node, "sock_common.skc_nulls_node|sock_common.skc_node") \
    M(skc_net, "sock_common.skc_net.net") \
    M(skc_family, "sock_common.skc_family") \
    M(skc_state, "sock_common.skc_state") \
    M(skc_daddr, "sock_common.skc_daddr") \
    M(skc_rcv_saddr, "sock_common.skc_rcv_saddr") \
    M(skc_v6_daddr, "sock_common.skc_v6_daddr") \
    M(skc_v6_rcv_saddr, "sock_common.skc_v6_rcv_saddr") \
    M(skc_dport, "sock_common.skc_dport") \
    M(skc_num, "sock_common.skc_num") \
    M(skc_listener, "sock_common.skc_listener") \
    M(tw_substate, "inet_timewait_sock.tw_substate") \
    M(sk_socket, "sock.sk_socket") \
    M(sk_uid, "sock.sk_uid") \
    M(sk_type, "sock.sk_type") \
    M(socket_file, "socket.file") \
    M(socket_alloc_socket, "socket_alloc.socket") \
    M(socket_alloc_inode, "socket_alloc.vfs_inode") \
    M(unix_addr, "unix_sock.addr") \
    M(unix_addr_len, "unix_address.len") \
    M(unix_addr_name, "unix_address.name") \
    /* bringup.c */ \
    M(uts_name, "uts_namespace.name") \
    M(utsname_nodename, "new_utsname.nodename") \
    M(utsname_release, "new_utsname.release") \
    M(timekeeper_xtime_sec, "timekeeper.xtime_sec") \
    M(timekeeper_offs_boot, "timekeeper.offs_boot") \
    M(timekeeper_offs_real, "timekeeper.offs_real") \
    M(timekeeper_wall_to_mono, "timekeeper.wall_to_monotonic.tv_sec") \
    M(timekeeper_wall_to_mono_nsec, "timekeeper.wall_to_monotonic.tv_nsec") \
    M(timekeeper_xtime_nsec, "timekeeper.tkr_mono.xtime_nsec") \
    M(timekeeper_shift, "timekeeper.tkr_mono.shift") \
    M(tk_data_timekeeper, "tk_data.timekeeper") \
    M(cpuinfo_capability, "cpuinfo_x86.x86_capability") \
    /* module.c */ \
    M(module_list, "module.list") \
    M(module_name, "module.name") \
    M(module_state, "module.state") \
    M(module_refcnt, "module.refcnt") \
    M(module_taints, "module.taints") \
    M(module_core_base, "module.core_layout.base") \
    M(module_core_size, "module.core_layout.size") \
    M(module_init_base, "module.init_layout.base") \
    M(module_init_size, "module.init_layout.size") \
    M(module_mem, "module.mem") \
    M(module_memory_struct, "sizeof:module_memory") \
    M(module_memory_base, "module_memory.base") \
    M(module_memory_size, "module_memory.size") \
    M(mod_mem_types, "enum:MOD_MEM_NUM_TYPES") \
    M(mod_init_text, "enum:MOD_INIT_TEXT") \
    M(module_kallsyms, "module.kallsyms") \
    M(mod_kallsyms_symtab, "mod_kallsyms.symtab") \
    M(mod_kallsyms_num, "mod_kallsyms.num_symtab") \
    M(mod_kallsyms_strtab, "mod_kallsyms.strtab") \
    M(mod_kallsyms_typetab, "mod_kallsyms.typetab") \
    M(btf_module_list, "btf_module.list") \
    M(btf_module_module, "btf_module.module") \
    M(btf_module_btf, "btf_module.btf") \
    M(btf_data, "btf.data") \
    M(btf_data_size, "btf.data_size") \
    /* log.c */ \
    M(prb_desc_ring, "printk_ringbuffer.desc_ring") \
    M(prb_text_ring, "printk_ringbuffer.text_data_ring") \
    M(desc_ring_count_bits, "prb_desc_ring.count_bits") \
    M(desc_ring_descs, "prb_desc_ring.descs") \
    M(desc_ring_infos, "prb_desc_ring.infos") \
    M(desc_ring_head, "prb_desc_ring.head_id") \
    M(desc_ring_tail, "prb_desc_ring.tail_id") \
    M(data_ring_size_bits, "prb_data_ring.size_bits") \
    M(data_ring_data, "prb_data_ring.data") \
    M(prb_desc_size, "sizeof:prb_desc") \
    M(prb_desc_state, "prb_desc.state_var") \
    M(prb_desc_text_lpos, "prb_desc.text_blk_lpos") \
    M(blk_lpos_begin, "prb_data_blk_lpos.begin") \
    M(blk_lpos_next, "prb_data_blk_lpos.next") \
    M(printk_info_size, "sizeof:printk_info") \
    M(printk_info_seq, "printk_info.seq") \
    M(printk_info_ts, "printk_info.ts_nsec") \
    M(printk_info_text_len, "printk_info.text_len") \
    M(printk_info_facility, "printk_info.facility") \
    M(printk_info_level, "printk_info.level") \
    M(printk_log_size, "sizeof:printk_log") \
    M(printk_log_len, "printk_log.len") \
    M(printk_log_text_len, "printk_log.text_len") \
    M(printk_log_ts, "printk_log.ts_nsec") \
    M(printk_log_facility, "printk_log.facility") \
    M(printk_log_level, "printk_log.level") \
    /* stack.c */ \
    M(orc_size, "sizeof:orc_entry") \
    M(orc_sp_offset, "orc_entry.sp_offset") \
    M(orc_bp_offset, "orc_entry.bp_offset") \
    M(orc_sp_reg, "orc_entry.sp_reg") \
    M(orc_bp_reg, "orc_entry.bp_reg") \
    M(orc_type, "orc_entry.type") \
    M(orc_end, "orc_entry.end") \
    M(module_num_orcs, "module.arch.num_orcs") \
    M(module_orc_ip, "module.arch.orc_unwind_ip") \
    M(module_orc, "module.arch.orc_unwind") \
    M(task_on_cpu, "task_struct.on_cpu") \
    M(thread_sp, "task_struct.thread.sp") \
    M(inactive_size, "sizeof:inactive_task_frame") \
    M(inactive_bp, "inactive_task_frame.bp") \
    M(inactive_ret, "inactive_task_frame.ret_addr") \
    M(pt_regs_ip, "pt_regs.ip") \
    M(pt_regs_sp, "pt_regs.sp") \
    M(pt_regs_bp, "pt_regs.bp") \
    M(pt_regs_cs, "pt_regs.cs") \
    M(cpu_context_fp, "task_struct.thread.cpu_context.fp") \
    M(cpu_context_sp, "task_struct.thread.cpu_context.sp") \
    M(cpu_context_pc, "task_struct.thread.cpu_context.pc") \
    /* current.c, syscall.c */ \
    M(pcpu_hot_current, "pcpu_hot.current_task") \
    M(pt_regs_di, "pt_regs.di") \
    M(pt_regs_si, "pt_regs.si") \
    M(pt_regs_dx, "pt_regs.dx") \
    M(pt_regs_r10, "pt_regs.r10") \
    M(pt_regs_r8, "pt_regs.r8") \
    M(pt_regs_r9, "pt_regs.r9") \
    M(meta_name, "syscall_metadata.name") \
    M(meta_nr, "syscall_metadata.syscall_nr") \
    M(meta_nb_args, "syscall_metadata.nb_args") \
    M(meta_types, "syscall_metadata.types") \
    M(meta_args, "syscall_metadata.args") \
    /* check.c, check_tasks.c */ \
    M(task_usage, "task_struct.usage") \
    M(idr_head, "idr.idr_rt.xa_head|idr.idr_rt.rnode") \
    M(xa_node_slots, "xa_node.slots") \
    M(pidtype_pid, "enum:PIDTYPE_PID") \
    M(upid_ns, "upid.ns") \
    M(pid_numbers, "pid.numbers") \
    M(module_mkobj_kset, "module.mkobj.kobj.kset") \
    M(kset_list, "kset.list") \
    M(kobject_entry, "kobject.entry") \
    M(module_kobject_kobj, "module_kobject.kobj") \
    M(module_kobject_mod, "module_kobject.mod") \
    M(mod_tree_tree, "mod_tree_root.root.tree") \
    M(mod_tree_node_mod, "mod_tree_node.mod") \
    M(mod_tree_node_node, "mod_tree_node.node.node") \
    M(ftrace_ops_func, "ftrace_ops.func") \
    M(ftrace_ops_next, "ftrace_ops.next") \
    M(kprobe_hlist, "kprobe.hlist") \
    M(kprobe_addr, "kprobe.addr") \
    M(kprobe_pre_handler, "kprobe.pre_handler") \
    M(kprobe_list, "kprobe.list") \
    M(kretprobe_handler, "kretprobe.handler")
/* clang-format on */

enum layout_id {
#define LAYOUT_ENUM(id, spec) L_##id,
    LINUX_LAYOUT(LAYOUT_ENUM)
#undef LAYOUT_ENUM
        L_COUNT
};

/* The specs of the rows. */
extern const char *const lx_specs[L_COUNT];

#endif
