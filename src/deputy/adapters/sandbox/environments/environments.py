"""Environments on a Docker engine: images with a repository's dependencies inside, found again by key."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import Any

import docker.errors

from deputy.adapters.sandbox.engine.engine import (
    CONFLICT,
    NAME_LABEL,
    OWNER_LABEL,
    TASK_LABEL,
    UNTIL_LABEL,
    DockerEngine,
)
from deputy.adapters.sandbox.engine.hardening import USER, WORKSPACE
from deputy.adapters.sandbox.environments.builder import Builders
from deputy.adapters.sandbox.environments.leaks import refuse_leaks
from deputy.adapters.sandbox.environments.locks import BuildLocks
from deputy.adapters.sandbox.environments.progress import Progress
from deputy.adapters.sandbox.environments.secrets import check_secrets
from deputy.adapters.sandbox.environments.steps import Planned, Steps, kept
from deputy.adapters.sandbox.host.guest_process import CARRIED_PYTHON, IMAGES, OLDEST_PYTHON, OWN_PYTHON, PYTHON_LABEL
from deputy.domain.errors import BadInput
from deputy.ports import BuildStep, EnvironmentSpec

# An image has a label of its own for its installation. Containers inherit their image's labels, and the sweep removes
# containers with ``deputy.home``: a container that a person starts from an environment must not be swept.
HOME_LABEL, REPO_LABEL, KEY_LABEL, MADE_LABEL = (
    f"deputy.environment.{name}" for name in ("home", "repo", "key", "made")
)
_ONLY_A_CONTAINERS = (OWNER_LABEL, TASK_LABEL, NAME_LABEL, UNTIL_LABEL)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
IS_GOOD_PYTHON = ("python3", "-I", "-S", "-c", f"import sys; sys.exit(sys.version_info < {OLDEST_PYTHON})")
NO_SUCH_IMAGE = 404
_RUNTIME_LIMIT = 128 * 1024**2


class DockerEnvironments:
    """Implements ``ports.Environments``.

    ``owner`` names this installation, as for the sandboxes. ``default_image`` is where a Python is taken from for
    images that have none.
    """

    def __init__(
        self,
        *,
        owner: str,
        base_url: str | None = None,
        runtime: str | None = None,
        default_image: str = "deputy-sandbox:latest",
    ) -> None:
        self._owner, self._default_image = owner, default_image
        self._engine = DockerEngine(base_url)
        self._builders = Builders(self._engine, owner=owner, runtime=runtime)
        self._locks = BuildLocks()

    def base_id(self, image: str) -> str:
        """The image's id; ``Unavailable`` when the engine does not have the image."""
        with self._engine.errors(image, "pull or build it, or correct the repository's image"):
            return str(self._engine.api.inspect_image(image)["Id"])

    def find(self, repo: str, key: str) -> str:
        """The name of the image that was built for this key; empty when there is none."""
        name = self._name(repo, key)
        with self._engine.errors(name):
            try:
                labels = self._engine.api.inspect_image(name)["Config"].get("Labels") or {}
            except docker.errors.ImageNotFound:
                return ""
        # A name holds only a part of a digest, so the labels are compared.
        return name if (labels.get(REPO_LABEL), labels.get(KEY_LABEL)) == (repo, key) else ""

    def build(self, spec: EnvironmentSpec, on_step: Callable[[BuildStep], None]) -> str:
        """Build it once, and return the image's name; ``BadInput`` names the failing command."""
        name = self._name(spec.repo, spec.key)
        with self._locks.take(
            name, lambda: on_step(BuildStep(0, 0, "another build of the same environment"))
        ) as failed:
            if found := self.find(spec.repo, spec.key):
                return found
            if failed:
                raise failed
            check_secrets(spec.secrets)
            kept(spec.environment.keep)
            with self._engine.errors(spec.base, "pull or build it, or correct the repository's image"):
                self._build(spec, Progress(on_step))
        return name

    def prune(self, repo: str, keep: int) -> tuple[str, ...]:
        """Remove the unused images of a repository, except the newest ``keep``; returns their names."""
        api = self._engine.api
        labels = [f"{HOME_LABEL}={self._owner}", f"{REPO_LABEL}={repo}"]
        with self._engine.errors(repo):
            images = api.images(filters={"label": labels})
            newest = sorted(images, key=lambda image: str(image["Labels"].get(MADE_LABEL, "")), reverse=True)
            named = [image for image in newest if _tags(image)]
            # Two processes built the same image at the same time: the later one took the name.
            nameless = [image for image in newest if not _tags(image)]
            return self._remove_unused((*named[max(keep, 1) :], *nameless))

    def prune_others(self, repos: Collection[str]) -> tuple[str, ...]:
        """Remove the unused images of all other repositories; returns their names."""
        with self._engine.errors("the images of environments"):
            images = self._engine.api.images(filters={"label": [f"{HOME_LABEL}={self._owner}"]})
            return self._remove_unused(image for image in images if image["Labels"].get(REPO_LABEL) not in repos)

    def size(self, image: str) -> int:
        """The image's size in bytes, with its base."""
        with self._engine.errors(image):
            return int(self._engine.api.inspect_image(image)["Size"])

    @contextmanager
    def set_aside(self, repo: str, key: str) -> Iterator[None]:
        """Hide the image of this key while the block runs. It comes back if the block built no new one."""
        api, name = self._engine.api, self._name(repo, key)
        with self._engine.errors(name):
            image = str(api.inspect_image(name)["Id"])
            api.tag(image, *(aside := f"{name}-before").split(":"))
            api.remove_image(name)
        try:
            yield
        finally:
            with self._engine.errors(name):
                if not self.find(repo, key):
                    api.tag(image, *name.split(":"))
                self._forget(aside)

    def _remove_unused(self, images: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
        """Remove the unused ones among these images; returns their names."""
        removed: list[str] = []
        for image in images:
            tags = _tags(self._engine.api.inspect_image(image["Id"])) or [image["Id"]]
            if all(self._forget(tag) for tag in tags):
                removed += _tags(image)
        return tuple(removed)

    def _forget(self, name: str) -> bool:
        """Remove an image's name, and the image with its last name. The engine refuses while the image is used."""
        try:
            self._engine.patient.remove_image(name)
        except docker.errors.APIError as error:
            if error.status_code in {CONFLICT, NO_SUCH_IMAGE}:
                return False
            raise
        return True

    # ------------------------------------------------------------------------------------------------ building

    def _build(self, spec: EnvironmentSpec, progress: Progress) -> None:
        progress.report()
        base = self._engine.api.inspect_image(spec.base)
        python = self._python_of(base)
        carried = self._python(progress) if python == CARRIED_PYTHON and not _carries(base) else b""
        with self._builders.open(
            spec.base,
            spec.tree,
            python=python,
            seconds=spec.environment.timeout,
            disk=spec.disk,
            is_cancelled=progress.is_cancelled,
            carried=carried,
            gateway=spec.gateway,
        ) as (builder, container):
            steps = Steps(
                spec,
                builder,
                path=_variables(base).get("PATH", _PATH),
                used=lambda: self._used(container),
                progress=progress,
            )

            def save() -> None:
                if spec.secrets:
                    refuse_leaks(self._engine.patient, container, spec, progress.is_cancelled)
                self._save(spec, base, python, container)

            steps.run(Planned("save the image", save))

    def _save(self, spec: EnvironmentSpec, base: Mapping[str, Any], python: tuple[str, ...], container: str) -> None:
        if self.find(spec.repo, spec.key):
            return  # another process was faster
        repository, _, tag = self._name(spec.repo, spec.key).partition(":")
        self._engine.patient.commit(container, repository, tag, conf=self._config(spec, base, python))

    def _config(self, spec: EnvironmentSpec, base: Mapping[str, Any], python: tuple[str, ...]) -> dict[str, object]:
        """The image's configuration. Labels that the engine would copy from the builder are set to empty."""
        given = base["Config"]
        variables = {**_variables(base), **spec.environment.env}
        variables["PATH"] = ":".join((*spec.environment.path, _variables(base).get("PATH", _PATH)))
        return {
            "User": USER,
            "WorkingDir": WORKSPACE,
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "Entrypoint": given.get("Entrypoint") or [],
            "Cmd": given.get("Cmd") or ["/bin/sh"],
            "Labels": {
                **(given.get("Labels") or {}),
                **dict.fromkeys(_ONLY_A_CONTAINERS, ""),
                HOME_LABEL: self._owner,
                REPO_LABEL: spec.repo,
                KEY_LABEL: spec.key,
                MADE_LABEL: datetime.now(UTC).isoformat(),
                **({PYTHON_LABEL: " ".join(python)} if python != OWN_PYTHON else {}),
            },
        }

    def _used(self, container: str) -> int:
        """Bytes that the builder has written into what becomes the image."""
        found = self._engine.patient.containers(all=True, size=True, filters={"id": container})
        return int(found[0].get("SizeRw") or 0) if found else 0

    # ------------------------------------------------------------------------------------------------ Python

    def _python_of(self, base: Mapping[str, Any]) -> tuple[str, ...]:
        """The Python that runs process 1 in this image."""
        if _carries(base) or not self._builders.starts(base["Id"], IS_GOOD_PYTHON):
            return CARRIED_PYTHON
        return OWN_PYTHON

    def _python(self, progress: Progress) -> bytes:
        """An archive with a Python that runs in any image, made from the default image's."""
        text = files("deputy.adapters.sandbox.guest").joinpath("environment_python.py").read_text("utf-8")
        opened = self._builders.open(
            self._default_image,
            {},
            python=OWN_PYTHON,
            seconds=120,
            disk=1024**3,
            is_cancelled=progress.is_cancelled,
        )
        with self._engine.errors(self._default_image), opened as (builder, _):
            done = builder.run(["python3", "-I", "-S", "-c", text], is_cancelled=progress.is_cancelled)
            if done.exit_code:
                raise BadInput(
                    f"{self._default_image} can't lend its Python",
                    done.output.decode("utf-8", "replace")[-300:],
                    "add a Python of version 3.10 or newer to the repository's own image",
                )
            return builder.read("runtime.tar", limit=_RUNTIME_LIMIT)

    # ------------------------------------------------------------------------------------------------ names

    def _name(self, repo: str, key: str) -> str:
        slug = re.sub(r"[^a-z0-9]+", "-", repo.lower()).strip("-")[:60] or "repo"
        # Two repositories may have the same slug, so the tag is made from the full name.
        tag = sha256(f"{repo}\n{key}".encode()).hexdigest()[:16]
        return f"{IMAGES}{self._owner[:8]}-{slug}:{tag}"


def _variables(image: Mapping[str, Any]) -> dict[str, str]:
    pairs = (str(text).partition("=") for text in image["Config"].get("Env") or ())
    return {name: value for name, _, value in pairs}


def _tags(image: Mapping[str, Any]) -> list[str]:
    return [str(tag) for tag in image.get("RepoTags") or () if tag != "<none>:<none>"]


def _carries(image: Mapping[str, Any]) -> bool:
    return PYTHON_LABEL in (image["Config"].get("Labels") or {})
