"""Programs in network, mount and process namespaces of their own: nothing of the machine's network is touched, and when the first
process in there is gone so is everything else, whatever ended it."""
import ctypes
import os
import shutil
import signal
import subprocess

TOOLS = {"unshare": "util-linux", "nsenter": "util-linux", "ip": "iproute2", "nft": "nftables"}
PR_SET_PDEATHSIG = 1
# Whatever the tests use of the kernel, once; /run of their own, because that is where `ip netns` keeps its names.
PREPARE = "mount -t tmpfs none /run && mkdir /run/netns"
TRIAL = PREPARE + """ && ip netns add trial && ip -n trial link add one type veth peer name other &&
ip -n trial link add bridge type bridge && ip -n trial rule add from 10.0.0.1 lookup 1 &&
nsenter --net=/run/netns/trial nft 'add table netdev t; add chain netdev t c { type filter hook ingress device one priority 0; };
add rule netdev t c numgen random mod 100 < 30 counter drop'"""


def command_in_sandbox(script):
    as_root = [] if os.getuid() == 0 else ["--map-root-user"]
    return ["unshare", *as_root, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script]


def why_not():
    """Why there can be no sandbox here; nothing when there can."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            return f"there is no `{tool}` (Debian: {package})"
    done = subprocess.run(command_in_sandbox(TRIAL), capture_output=True, text=True, timeout=60, check=False)
    return None if done.returncode == 0 else f"no network namespaces here: {done.stderr.strip()}"


def start(command, **options):
    """Runs it in a sandbox that dies with us."""
    libc = ctypes.CDLL(None)
    return subprocess.Popen([*command_in_sandbox(PREPARE + ' && exec "$@"'), "sandbox", *command],
                            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL), **options)
