"""Makes .venv hold exactly what uv.lock pins, with nothing but python3 on the machine.

uv.lock names the public index alone. uv reads no pip configuration, and takes locked packages from the locked
addresses only. So the lock is turned into pins with hashes, which any index can serve, and what this machine's pip is
told about its index is handed to uv at run time. A UV_* variable that is set already wins.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"

UV_NAME_OF_PIP_SETTING = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}


def pip_settings() -> dict[str, str]:
    """What pip's files and variables say; a variable wins over `install`, and that over `global`, as in pip."""
    listing = subprocess.run([BIN / "pip", "config", "list"], check=True, capture_output=True, text=True).stdout
    settings: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listing.splitlines():
        section, _, setting = line.partition(".")
        name, _, value = setting.partition("=")
        settings.setdefault(section, {})[name] = ast.literal_eval(value)
    return settings["global"] | settings["install"] | settings[":env:"]


def flags(settings: dict[str, str]) -> list[str]:
    """What uv has no variable for, or is stricter about than pip: no index, and folders that may not be there."""
    links = [place for place in settings.get("find-links", "").split() if "://" in place or Path(place).exists()]
    no_index = settings.get("no-index", "0") in {"1", "true", "yes", "on"}
    return ["--quiet", *(["--no-index"] if no_index else []), *(f"--find-links={place}" for place in links)]


def main() -> None:
    """Make .venv, put uv into it, and let uv install the pins and Headwater itself, editable."""
    if sys.version_info < (3, 11):
        sys.exit(f"Headwater needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}")
    import tomllib  # noqa: PLC0415  (an older Python has none, and gets the sentence above)

    print("making .venv", flush=True)
    if not (BIN / "pip").exists():
        if find_spec("ensurepip") is None:
            sys.exit("this python3 lacks its venv module; on Debian and Ubuntu: apt-get install python3-venv")
        venv.create(BIN.parent, clear=True, with_pip=True)
    (uv_build,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    uv = uv_build.replace("uv_build", "uv")
    subprocess.run([BIN / "pip", "install", "--quiet", "--disable-pip-version-check", uv], check=True)

    settings = pip_settings()
    handed_on = {
        name: " ".join(settings[pip].split()) for pip, name in UV_NAME_OF_PIP_SETTING.items() if pip in settings
    }
    environ = handed_on | os.environ | {"VIRTUAL_ENV": str(BIN.parent)}
    pins = subprocess.run(
        [BIN / "uv", "export", "--quiet", "--frozen", "--all-groups", "--format", "requirements.txt"],
        check=True,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environ,
    ).stdout
    sync = [str(BIN / "uv"), "pip", "sync", "--compile-bytecode", *flags(settings), "-"]
    subprocess.run(sync, check=True, input=pins, cwd=ROOT, env=environ)
    # Bytecode stands before the first command: a machine that writes none itself starts as quickly
    subprocess.run([BIN / "python", "-m", "compileall", "-q", ROOT / "src"], check=True)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failed:
        sys.exit(f"{' '.join(map(str, failed.cmd))} failed")
