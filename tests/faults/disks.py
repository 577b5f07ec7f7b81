"""Disks that can be filled, hung and broken: an ext4 of its own in a file, mounted over a loop device.

ready() gets what that takes: root (or sudo without a password), a mount namespace of our own, so that no mount outlives
the test, and nodes of loop devices where there are none. Where a loop device cannot be had, a memory file system stands
in for a disk that is only to be filled; `Disk.lacking` says what is missing for all else.
"""

import atexit
import os
import shutil
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from appliance import Failure  # noqa: E402

LOOPS = 8
LOOP_CONTROL, LOOP_MAJOR = os.makedev(10, 237), 7  # the kernel's devices.txt
PREPARED = "RFQD_FAULTS_NAMESPACE"


def command(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Failure(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")


def can(*words):
    try:
        return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode == 0
    except OSError:  # it is not installed
        return False


def make_node(path, kind, device):
    if not os.path.exists(path):
        os.mknod(path, 0o600 | kind, device)
        atexit.register(os.unlink, path)


def try_loop():
    """Makes a disk as the tests do, to know whether that is possible."""
    with tempfile.TemporaryDirectory(prefix="rfqd-loop-") as directory:
        Disk(directory, 16).close()


def ready():
    """In a mount namespace of its own from here on: the program is started again in it."""
    if not os.environ.get(PREPARED):
        again = [sys.executable, "-B", *sys.argv]  # writes nothing of root's into the tree
        os.environ[PREPARED] = "1"
        if os.geteuid() == 0:
            if can("unshare", "--mount", "true"):
                os.execvp("unshare", ["unshare", "--mount", *again])
        elif can("sudo", "-n", "unshare", "--mount", "true"):
            os.execvp("sudo", ["sudo", "-n", "unshare", "--mount", "env", f"{PREPARED}=1", *again])
        elif can("unshare", "--user", "--map-root-user", "--mount", "true"):
            os.environ[PREPARED] = "a user namespace"
            os.execvp("unshare", ["unshare", "--user", "--map-root-user", "--mount", *again])
        return "cannot mount: neither root nor sudo without a password, and user namespaces are not allowed"
    if os.environ[PREPARED] != "1":
        Disk.lacking = "loop devices need root: run it as root, or allow sudo without a password"
        return None
    if not shutil.which("mkfs.ext4"):
        return "mkfs.ext4 is missing: apt-get install e2fsprogs"
    try:
        make_node("/dev/loop-control", stat.S_IFCHR, LOOP_CONTROL)
        for i in range(LOOPS):
            make_node(f"/dev/loop{i}", stat.S_IFBLK, os.makedev(LOOP_MAJOR, i))
        try_loop()
    except (Failure, OSError) as why:
        Disk.lacking = f"no loop device can be had, even by root: {why}"
    return None


class Disk:
    lacking = None  # why there are no loop devices: then it is a memory file system

    def __init__(self, directory, size_mib, in_memory=False):
        self.image = os.path.join(directory, "disk.img")
        self.path = os.path.join(directory, "disk")
        self.ballast = os.path.join(self.path, "ballast")
        self.frozen = self.mounted = False
        os.makedirs(self.path, exist_ok=True)
        if in_memory or Disk.lacking:
            command("mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", self.path)
            self.mounted = True
            return
        with open(self.image, "wb") as f:
            f.truncate(size_mib << 20)
        command("mkfs.ext4", "-q", "-F", "-m", "0", self.image)
        command("mount", "-o", "loop", self.image, self.path)
        self.mounted = True

    def free(self):
        s = os.statvfs(self.path)
        return s.f_bavail * s.f_frsize

    def fill(self, leave=0):
        """Takes all space but `leave` bytes."""
        with open(self.ballast, "ab") as f:
            while self.free() > leave:
                take = self.free() - leave
                try:
                    os.posix_fallocate(f.fileno(), f.tell(), take)
                    f.seek(0, os.SEEK_END)
                except OSError:
                    try:  # the file system keeps some for its own tables: the rest in small pieces
                        f.write(b"\0" * min(take, 65536))
                        f.flush()
                    except OSError:
                        return

    def empty(self):
        os.unlink(self.ballast)

    def freeze(self):
        command("fsfreeze", "-f", self.path)
        self.frozen = True

    def thaw(self):
        if self.frozen:
            command("fsfreeze", "-u", self.path)
            self.frozen = False

    def close(self):
        self.thaw()
        if self.mounted:
            command("umount", "-l", self.path)
            self.mounted = False


class ThinDisk(Disk):
    """Promises more than lies under it: an ext4 whose image is on a smaller memory file system. Where that is full,
    writes are taken and their sync fails, as with a disk that breaks."""

    def __init__(self, directory, size_mib, under_mib):
        self.under = os.path.join(directory, "under")
        os.makedirs(self.under)
        command("mount", "-t", "tmpfs", "-o", f"size={under_mib}m", "tmpfs", self.under)
        self.weight = open(os.path.join(self.under, "ballast"), "wb", buffering=0)
        os.symlink(os.path.join(self.under, "disk.img"), os.path.join(directory, "disk.img"))
        try:
            super().__init__(directory, size_mib)
        except Failure:
            self.weight.close()
            command("umount", "-l", self.under)
            raise

    def starve(self):
        """Nothing more can be stored under it."""
        for size in (65536, 4096):
            try:
                while self.weight.write(b"\0" * size):
                    pass
            except OSError:
                pass

    def close(self):
        super().close()
        if self.under:
            self.weight.close()
            command("umount", "-l", self.under)
            self.under = None
