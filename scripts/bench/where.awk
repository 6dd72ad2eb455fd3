# where.awk - puts each sample of `perf script` down to what the server was doing; prints every part with
# its share in percent, a tab between, in the order of `names`.
#
# A sample is a block of lines, the innermost function first, each line "address function (file)".
# What TCP does for the receiver counts as part of the send: on loopback the sender's processor does it.
BEGIN {
    n = split("own code|libevent, libcurl, libllhttp, libsodium|libc|send: TCP|send: TCP for the receiver, in the sender's time|" \
        "send: copying into the kernel|receive|epoll_wait: looking for what is ready|sleeping and waking up|" \
        "into and out of the kernel|other system calls|interrupts and the rest", names, "|")
}

function part(    own) {
    if (stack ~ /(sys_sendmsg|sys_sendto|sys_write|sys_sendfile|sys_splice)/) {
        if (stack ~ /eventfd/) return "other system calls"
        if (leaf ~ /copy_from_iter|rep_movs|copy_user|copy_page_from_iter|check_object_size/) return "send: copying into the kernel"
        if (stack ~ /process_backlog|tcp_v4_rcv/) return "send: TCP for the receiver, in the sender's time"
        return "send: TCP"
    }
    if (stack ~ /sys_recv|sys_read /) return "receive"
    if (stack ~ /epoll_wait|do_epoll_pwait/) return stack ~ /schedule/ ? "sleeping and waking up" : "epoll_wait: looking for what is ready"
    if (leaf ~ /^(do_syscall_64|entry_SYSCALL|syscall_|__x64_sys|x64_sys)/) return "into and out of the kernel"
    if (stack ~ /do_syscall_64/) return "other system calls"
    if (where ~ /kernel/) return "interrupts and the rest"
    if (where ~ /libc\.so|vdso/) return "libc"
    if (where ~ /\.so/) return "libevent, libcurl, libllhttp, libsodium"
    return "own code"
}

/^[^ \t]/ { stack = leaf = where = ""; next }
/^[ \t]+[0-9a-f]+ / {
    name = $2
    sub(/\+0x.*/, "", name)
    if (leaf == "") { leaf = name; where = $NF }
    stack = stack name " "
    next
}
/^$/ && leaf != "" { samples[part()]++; all++; leaf = "" }
END {
    if (leaf != "") { samples[part()]++; all++ }
    for (i = 1; i <= n; i++) printf "%s\t%.0f\n", names[i], all ? 100 * samples[names[i]] / all : 0
}
