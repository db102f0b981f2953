"""Azure: OpenAI's API at an address of one's own, with the key in a header of another name."""

from collections.abc import Mapping
from types import MappingProxyType

from app.providers.tuning.openai import OpenAIApi

# The version that addresses without /v1 are asked for. learn.microsoft.com, Azure OpenAI REST, 2024-10-21.
VERSION = "2024-10-21"
KEY_HEADER = "api-key"


class AzureApi(OpenAIApi):
    """Files are looked at before a job can be made of them; models are trained there and deployed by hand."""

    kind = "azure"
    title = "Azure"
    targets: Mapping[str, str] = MappingProxyType({"lora": "azure", "full": "azure"})
    # Above it the plain call fails without a word (azure-skills, large-file-uploads.md).
    most_upload: int | None = 150_000_000
    waits_for_file = True

    def query(self, **more: str) -> dict[str, str]:
        """With the version, unless the address names it."""
        return more if self.endpoint.address.path.endswith("/v1") else {"api-version": VERSION, **more}
