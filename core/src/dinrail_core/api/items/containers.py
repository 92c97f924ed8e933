"""Where code and commands run."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from dinrail_core.api.items.states import LongText
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "AllowedNetwork",
    "AutoCodeContainer",
    "AutoContainer",
    "ContainerReference",
    "DomainSecret",
    "FileIds",
    "InlineSkill",
    "LocalEnvironment",
    "LocalSkill",
    "MemoryLimit",
    "NetworkPolicy",
    "NoNetwork",
    "Skill",
    "SkillReference",
    "SkillSource",
]

FileIds: TypeAlias = Annotated[Many[str], Field(max_length=50)]
"""Files of the caller's that are copied into a container."""

MemoryLimit: TypeAlias = Literal["1g", "4g", "16g", "64g"]
"""How much memory what runs in a container has, in GiB."""


class LocalSkill(Wire):
    """Instructions and files in a folder of the caller's machine."""

    name: str
    description: str
    path: str


class LocalEnvironment(Wire):
    """The caller's own machine."""

    type: Literal["local"] = "local"
    skills: Annotated[Many[LocalSkill], Field(max_length=200)] | MISSING = MISSING


class ContainerReference(Wire):
    """A container that is there already."""

    type: Literal["container_reference"] = "container_reference"
    container_id: str


class NoNetwork(Wire):
    """The container reaches nothing."""

    type: Literal["disabled"] = "disabled"


class DomainSecret(Wire):
    """A secret that is put into requests to one domain, and that is never kept."""

    domain: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(min_length=1)]
    value: Annotated[LongText, Field(min_length=1)]


class AllowedNetwork(Wire):
    """The container reaches some domains."""

    type: Literal["allowlist"] = "allowlist"
    allowed_domains: Annotated[Many[str], Field(min_length=1)]
    domain_secrets: Annotated[Many[DomainSecret], Field(min_length=1)] | MISSING = MISSING


NetworkPolicy: TypeAlias = Annotated[NoNetwork | AllowedNetwork, Field(discriminator="type")]
"""What a container reaches."""


class SkillReference(Wire):
    """A skill that is kept on the server."""

    type: Literal["skill_reference"] = "skill_reference"
    skill_id: Annotated[str, Field(min_length=1, max_length=64)]
    version: str | MISSING = MISSING


class SkillSource(Wire):
    """A skill as an archive."""

    type: Literal["base64"]
    media_type: Literal["application/zip"]
    data: Annotated[str, Field(min_length=1, max_length=70_254_592)]


class InlineSkill(Wire):
    """A skill that comes with the request."""

    type: Literal["inline"] = "inline"
    name: str
    description: str
    source: SkillSource


Skill: TypeAlias = Annotated[SkillReference | InlineSkill, Field(discriminator="type")]
"""Instructions and files for a container."""


class AutoCodeContainer(Wire):
    """A container for the code interpreter that is made when it is needed."""

    type: Literal["auto"]
    file_ids: FileIds | MISSING = MISSING
    memory_limit: MemoryLimit | None | MISSING = MISSING
    network_policy: NetworkPolicy | MISSING = MISSING


class AutoContainer(Wire):
    """A container for the shell that is made when it is needed."""

    type: Literal["container_auto"] = "container_auto"
    file_ids: FileIds | MISSING = MISSING
    memory_limit: MemoryLimit | None | MISSING = MISSING
    network_policy: NetworkPolicy | MISSING = MISSING
    skills: Annotated[Many[Skill], Field(max_length=200)] | MISSING = MISSING
