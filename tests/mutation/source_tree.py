"""A tree of its own in which sources may be broken: a worktree of HEAD, built without sanitizers."""
import pathlib
import subprocess
import sys


class Tree:
    def __init__(self, root, targets, name="mutation", flags="-O0 -g0"):
        self.repository = pathlib.Path(root).resolve()
        self.path = self.repository / "build" / name / "tree"
        self.build = self.repository / "build" / name / "out"
        self.targets = targets
        self.flags = flags

    def prepare(self):
        if not (self.path / ".git").exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["git", "worktree", "prune"], cwd=self.repository, check=True)
            subprocess.run(["git", "worktree", "add", "--detach", "-f", str(self.path), "HEAD"], cwd=self.repository, check=True,
                           capture_output=True)
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=self.repository, check=True, capture_output=True, text=True).stdout
        subprocess.run(["git", "checkout", "--detach", "-f", head.strip()], cwd=self.path, check=True, capture_output=True)
        flags = ["-DCMAKE_BUILD_TYPE=Debug", f"-DCMAKE_CXX_FLAGS_DEBUG={self.flags}", "-DSTEWARD_SANITIZE=OFF"]
        subprocess.run(["cmake", "-S", str(self.path), "-B", str(self.build), "-G", "Ninja", *flags], check=True, capture_output=True)
        if not self.compile():
            sys.exit("the tree does not build as it is")

    def compile(self):
        """Whether it compiles: a mutant that does not is none."""
        done = subprocess.run(["cmake", "--build", str(self.build), "--target", *self.targets], capture_output=True, text=True, check=False)
        return done.returncode == 0

    def program(self, name):
        return str(self.build / "bin" / name)

    def read(self, file):
        return (self.path / file).read_text()

    def write(self, file, text):
        (self.path / file).write_text(text)
