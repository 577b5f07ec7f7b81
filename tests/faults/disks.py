"""Disks that can be filled and hung: an ext4 of its own in a file, mounted over a loop device. Needs root."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from appliance import Failure  # noqa: E402

SKIPPED = 77  # SKIP_RETURN_CODE of ctest


def command(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Failure(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")


class Disk:
    def __init__(self, directory, size_mib):
        self.image = os.path.join(directory, "disk.img")
        self.path = os.path.join(directory, "disk")
        self.ballast = os.path.join(self.path, "ballast")
        self.frozen = self.mounted = False
        os.makedirs(self.path, exist_ok=True)
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


def possible():
    """None, or why these tests cannot run here."""
    if os.geteuid() != 0:
        return "needs root, to mount file systems of its own"
    if not os.path.exists("/dev/loop-control"):
        return "needs loop devices"
    return None
