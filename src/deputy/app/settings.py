"""Every setting, read from the environment (and a ``.env`` file). Secrets are never printed."""

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from deputy.domain.errors import BadInput


class Settings(BaseSettings):
    """What Deputy is told by its environment."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True, str_strip_whitespace=True)

    slack_bot_token: SecretStr = Field(SecretStr(""), description="Slack's bot token (starts with xoxb-).")
    slack_app_token: SecretStr = Field(SecretStr(""), description="App-level token (xapp-): chooses Socket Mode.")
    slack_signing_secret: SecretStr = Field(SecretStr(""), description="Signing secret: chooses HTTP mode.")
    slack_api_url: str = Field("", description="Base URL of Slack's Web API; empty for Slack itself.")
    openai_api_key: SecretStr = Field(
        SecretStr(""), description="Key for the model API; a server of your own may need none."
    )
    openai_base_url: str = Field("", description="Base URL of an OpenAI-compatible API; empty for OpenAI itself.")
    docker_host: str = Field("", description="Where the Docker engine listens; empty for the default socket.")
    deputy_home: Path = Field(Path(".deputy"), description="Folder for the database, artifacts and git mirrors.")
    deputy_policies: Path = Field(Path("policies"), description="Folder with the policy bundle.")
    deputy_database_url: str = Field("", description="sqlite:///… or postgresql://…; empty for SQLite in the home.")
    deputy_artifacts_url: str = Field("", description="Where blobs go: a folder or any fsspec URL; empty for the home.")
    deputy_model: str = Field("gpt-5", description="Name of the model that agents use.")
    deputy_model_api: Literal["responses", "chat"] = Field("responses", description="Which of OpenAI's two APIs.")
    deputy_model_stream: bool = Field(default=False, description="Ask the model server to stream its answers.")
    deputy_sandbox_image: str = Field("deputy-sandbox:latest", description="Image of the sandboxes.")
    deputy_sandbox_runtime: str = Field("", description="Another OCI runtime of the engine, for example runsc.")
    deputy_internal_hosts: str = Field(
        "", description="Hosts on internal addresses that sandboxes may reach where policy allows it, comma separated."
    )
    deputy_http_host: str = Field("127.0.0.1", description="Address that HTTP mode listens on.")
    deputy_http_port: int = Field(3000, description="Port that HTTP mode listens on.")
    deputy_log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")

    @cached_property
    def home(self) -> Path:
        """The home folder, absolute, made if it is not there."""
        home = self.deputy_home.expanduser().resolve()
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return home

    @property
    def database_url(self) -> str:
        """Where rows and events live."""
        return self.deputy_database_url or f"sqlite:///{self.home / 'deputy.sqlite'}"

    @property
    def artifacts_url(self) -> str:
        """Where blobs live."""
        return self.deputy_artifacts_url or (self.home / "artifacts").as_uri()

    @property
    def is_single_machine(self) -> bool:
        """Whether the database allows exactly one worker."""
        return self.database_url.startswith("sqlite")

    @property
    def internal_hosts(self) -> tuple[str, ...]:
        """The hosts on internal addresses that sandboxes may reach, where policy allows it."""
        return tuple(name.strip() for name in self.deputy_internal_hosts.split(",") if name.strip())

    @property
    def owner(self) -> str:
        """What marks this installation's sandboxes on a shared engine: the same for all its workers."""
        where = self.database_url if self.is_single_machine else _without_password(self.database_url)
        return hashlib.sha256(where.encode()).hexdigest()[:16]

    def variable(self, name: str) -> str:
        """A variable of Deputy's own environment, or of its ``.env`` file, by name; empty when it is not set.

        Deputy's own settings are refused: a repository's setup has no business with Deputy's credentials.
        """
        if name.lower() in type(self).model_fields:
            raise BadInput(
                f"{name} can't be a secret of an environment",
                "it is a setting of Deputy itself",
                "put the repository's own secret into a variable of another name",
            )
        return os.environ.get(name) or dotenv_values(".env").get(name) or ""

    def locate(self, url: str) -> str:
        """A repository's URL for git: a relative path is a folder under the home."""
        is_remote = ":" in url.split("/", 1)[0]  # a scheme, or user@host:path
        return url if is_remote or url.startswith("/") else str(self.home / url)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}{parts.path}"


def load_settings() -> Settings:
    """The settings, or ``BadInput`` that names the variable and never its value."""
    try:
        return Settings()
    except ValidationError as error:
        flaw = error.errors(include_input=False, include_url=False)[0]
        name = "_".join(str(part) for part in flaw["loc"]).upper()
        raise BadInput(
            f"the setting {name} can't be used", flaw["msg"].lower(), "correct it in the environment"
        ) from None
