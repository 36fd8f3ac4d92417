"""Settings of the service: TOML, then ``PATROLCTL_*``, over the defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from patrolctl.config.conditions import ConditionsTable
from patrolctl.config.missions import missions_dir
from patrolctl.config.toml_file import TomlFile
from patrolctl.domain.cap import CapStatus
from patrolctl.domain.conditions import ConditionRules
from patrolctl.domain.errors import Fault, InputError
from patrolctl.domain.exposure import Excess, ExposureCaps
from patrolctl.domain.gaps import FollowUp

_PREFIX = "PATROLCTL_"
_LISTS = frozenset({"missions", "voice_models", "cap_statuses"})
_SECRETS = frozenset({"store_url", "mqtt_url"})  # may hold a password
CAPS = ExposureCaps()
HABITS = FollowUp()
_NOT_SETTINGS = frozenset({"PATROLCTL_DEBUG"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the control service needs to know to start.

    ``mqtt_url`` None: the service runs a broker of its own. ``epoch_utc`` is
    the moment at which simulated and real time agree (see ``ScaledClock``).
    ``voice_models`` are the files of neural voices (piper); languages without
    one are spoken by espeak-ng. ``store_url`` is a PostgreSQL database (None:
    a SQLite file in ``data_dir``) and ``node`` this service's name among
    those that share it (None: one is made up and kept in ``data_dir``).
    """

    data_dir: Path
    clip_dir: Path
    tlog_dir: Path | None
    missions_dir: Path
    host: str = "127.0.0.1"
    port: int = 8080
    mqtt_url: str | None = None
    speedup: float = 1.0
    epoch_utc: datetime | None = None
    missions: tuple[str, ...] = ()
    log_level: str = "INFO"
    exposure: ExposureCaps = CAPS
    follow_up: FollowUp = HABITS
    operators_file: Path = Path("operators.toml")
    cap_url: str | None = None
    cap_every_s: float = 60.0
    cap_statuses: tuple[CapStatus, ...] = (CapStatus.ACTUAL,)
    voice_models: tuple[Path, ...] = ()
    store_url: str | None = None
    node: str | None = None
    conditions: ConditionRules = ConditionRules()
    broker_port: int = 0
    broker_host: str | None = None
    broker_tls_port: int = 0
    broker_cert_file: Path | None = None
    broker_key_file: Path | None = None
    broker_client_ca_file: Path | None = None

    @property
    def database(self) -> Path | str:
        """The SQLite file, or the address of the PostgreSQL database."""
        return self.store_url or self.data_dir / "patrolctl.db"


def _mqtt(value: str) -> str:
    if not value.startswith(("mqtt://", "mqtts://")) or len(value) < 9:
        msg = "is no URL; mqtt://host:port or mqtts://host:port"
        raise ValueError(msg)
    return value


def _web(value: str) -> str:
    if not value.startswith(("http://", "https://")) or len(value) < 10:
        msg = f"is {value[:60]!r}; http://host/path or https://host/path"
        raise ValueError(msg)
    return value


def _store(value: str) -> str:
    if not value.startswith(("postgresql://", "postgres://")):
        msg = "is no PostgreSQL address; postgresql://user@host:5432/name"
        raise ValueError(msg)
    return value


class SettingsFile(BaseModel):
    """The settings as a file or the environment gives them."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    data_dir: Path | None = None
    clip_dir: Path | None = None
    tlog_dir: Path | None = None
    missions_dir: Path | None = None
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8080, ge=0, le=65535)
    mqtt_url: Annotated[str, AfterValidator(_mqtt)] | None = None
    broker_port: int = Field(default=0, ge=0, le=65535)
    broker_host: str | None = Field(default=None, min_length=1)
    broker_tls_port: int = Field(default=0, ge=0, le=65535)
    broker_cert_file: Path | None = None
    broker_key_file: Path | None = None
    broker_client_ca_file: Path | None = None
    speedup: float = Field(default=1.0, gt=0, le=1000)
    epoch_utc: datetime | None = None
    missions: list[str] = []
    operators_file: Path | None = None
    cap_url: Annotated[str, AfterValidator(_web)] | None = None
    cap_every_s: float = Field(default=60.0, ge=5, le=86_400)
    cap_statuses: list[CapStatus] = [CapStatus.ACTUAL]
    voice_models: list[Path] = []
    store_url: Annotated[str, AfterValidator(_store)] | None = None
    node: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.\-]{1,60}$")
    conditions: ConditionsTable = ConditionsTable()
    exposure_laeq_24h_db: float = Field(default=CAPS.laeq_24h_db, ge=30, le=100)
    exposure_repeats: int = Field(default=CAPS.repeats, ge=1, le=1000)
    exposure_excess: Excess = CAPS.excess
    rerun_grace_s: float = Field(default=HABITS.grace_s, ge=0, le=86400)
    gap_reminder_s: float = Field(default=HABITS.remind_s, ge=60, le=604800)
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")


def load_settings(
    path: Path | None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings.

    Args:
        path: a TOML file, or None for the defaults and the environment.
        environ: stands in for ``os.environ``; ``PATROLCTL_PORT`` sets
            ``port`` and so on; ``PATROLCTL_MISSIONS`` and
            ``PATROLCTL_VOICE_MODELS`` are comma-separated.

    Raises:
        InputError: with everything that is wrong.
    """
    faults: list[Fault] = []
    values: dict[str, object] = {}
    if path is not None:
        file = TomlFile(path)
        read = file.read(SettingsFile, faults)
        values = {} if read is None else read.model_dump(exclude_unset=True)
    values |= _from_environment(os.environ if environ is None else environ, faults)
    if faults:
        raise InputError(faults)
    return _settings(SettingsFile.model_validate(values))


def _from_environment(
    environ: Mapping[str, str], faults: list[Fault]
) -> dict[str, object]:
    values: dict[str, object] = {}
    for name in sorted(environ):
        if not name.startswith(_PREFIX) or name in _NOT_SETTINGS:
            continue
        field = name.removeprefix(_PREFIX).lower()
        if field not in SettingsFile.model_fields:
            continue  # other programs of the family have variables of their own
        text = environ[name]
        given: object = text.split(",") if field in _LISTS else text
        try:
            one = SettingsFile.model_validate({field: given})
        except ValidationError as e:
            message = e.errors()[0]["msg"].removeprefix("Value error, ")
            right = message.removeprefix("Input should be ")
            shown = "…" if field in _SECRETS else text[:60]
            faults.append(Fault(name, f"is {shown!r}", right))
            continue
        values[field] = getattr(one, field)
    return values


def _settings(read: SettingsFile) -> Settings:
    data_dir = (read.data_dir or _default_data_dir()).expanduser()
    epoch = read.epoch_utc
    if epoch is not None and epoch.tzinfo is None:
        epoch = epoch.replace(tzinfo=UTC)
    return Settings(
        data_dir=data_dir,
        clip_dir=(read.clip_dir or data_dir / "clips").expanduser(),
        tlog_dir=(read.tlog_dir or data_dir / "tlogs").expanduser(),
        missions_dir=(read.missions_dir or missions_dir()).expanduser(),
        host=read.host,
        port=read.port,
        mqtt_url=read.mqtt_url,
        broker_port=read.broker_port,
        broker_host=read.broker_host,
        broker_tls_port=read.broker_tls_port,
        broker_cert_file=_at_home(read.broker_cert_file),
        broker_key_file=_at_home(read.broker_key_file),
        broker_client_ca_file=_at_home(read.broker_client_ca_file),
        speedup=read.speedup,
        epoch_utc=epoch,
        missions=tuple(m.strip() for m in read.missions if m.strip()),
        log_level=read.log_level,
        exposure=ExposureCaps(
            laeq_24h_db=read.exposure_laeq_24h_db,
            repeats=read.exposure_repeats,
            excess=read.exposure_excess,
        ),
        follow_up=FollowUp(read.rerun_grace_s, read.gap_reminder_s),
        operators_file=(
            read.operators_file or data_dir / "operators.toml"
        ).expanduser(),
        cap_url=read.cap_url,
        cap_every_s=read.cap_every_s,
        cap_statuses=tuple(read.cap_statuses),
        voice_models=tuple(
            m.expanduser() for m in read.voice_models if str(m).strip(" .")
        ),
        store_url=read.store_url,
        node=read.node,
        conditions=read.conditions.rules(),
    )


def _at_home(path: Path | None) -> Path | None:
    return None if path is None else path.expanduser()


def _default_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "patrolctl"
