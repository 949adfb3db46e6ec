"""The seccomp profile of our hosts, made from what a real Docker engine gives its containers.

Docker carries its default profile inside its binary and prints it nowhere. What it hands to runc for a container is to
be had, though: the profile as it comes out for that container's capabilities. From two such containers, one as Docker
runs them by default and one with SYS_ADMIN, follows the whole of the default that our containers can meet. So
``infra/hosts/seccomp.json`` is made of an engine's behaviour; a test makes it again and compares.
"""

from __future__ import annotations

from typing import Any

Rule = dict[str, Any]

ADMIN = "CAP_SYS_ADMIN"
# Needs no SYS_ADMIN inside a container, and was the way of many a break-out.
NEVER = {"bpf", "fanotify_init", "lookup_dcookie", "perf_event_open", "quotactl", "quotactl_fd"}
# A kernel without keyrings answers so. On EPERM runc gives up; on this it goes on [KERNEL-RUNC-KEYRING].
KEYRINGS = {"names": ["add_key", "keyctl", "request_key"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}
# runc enters an inner container's root by it; Docker's default has no use for it [KERNEL-RUNC-PIVOT-ROOT].
PIVOT_ROOT = {"names": ["pivot_root"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": [ADMIN]}}
# Which machine has a call, and which capability it is good for: an engine has settled both when it hands rules on.
ARM = ["arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "set_tls", "sync_file_range2"]
CONDITIONS: dict[str, Rule] = {
    "arch_prctl": {"arches": ["amd64", "x32"]},
    "modify_ldt": {"arches": ["amd64", "x32", "x86"]},
    "chroot": {"caps": ["CAP_SYS_CHROOT"]},
}
ARCHITECTURES = [
    {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
    {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
]


def host_profile(ordinary: Rule, admin: Rule) -> Rule:
    """Return the profile in Docker's format, from ``linux.seccomp`` of two containers' config.json on x86-64."""
    common = [rule for rule in ordinary["syscalls"] if rule in admin["syscalls"]]
    only_ordinary = [rule for rule in ordinary["syscalls"] if rule not in admin["syscalls"]]
    only_admin = [rule for rule in admin["syscalls"] if rule not in ordinary["syscalls"]]
    rules = [_conditional(rule) for rule in common]
    rules += [{"names": ARM, "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm", "arm64"]}}]
    rules += [{**rule, "excludes": {"caps": [ADMIN]}} for rule in only_ordinary]
    rules += [
        {**rule, "names": sorted(set(rule["names"]) - NEVER), "includes": {"caps": [ADMIN]}}
        for rule in only_admin
    ]
    return {
        "defaultAction": ordinary["defaultAction"],
        "defaultErrnoRet": ordinary["defaultErrnoRet"],
        "archMap": ARCHITECTURES,
        "syscalls": [*rules, PIVOT_ROOT, KEYRINGS],
    }


def _conditional(rule: Rule) -> Rule:
    condition = CONDITIONS.get(rule["names"][0]) if len(rule["names"]) == 1 else None
    return rule if condition is None else {**rule, "includes": condition}
