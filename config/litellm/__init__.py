"""Reads a configuration of LiteLLM's proxy, for those who come from there: `dragoman import-litellm`.

What has a counterpart here is carried over. What has none is named in a note, never left out in silence.
"""

from config.litellm.importing import Imported, import_litellm
from config.litellm.writing import faults_of, written

__all__ = ["Imported", "faults_of", "import_litellm", "written"]
