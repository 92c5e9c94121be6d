"""Settings of the workflow: models (`models`), checking (`load`), the files generated from the models (`generate`)."""

from waferllm.config.load import ConfigError, load_settings
from waferllm.config.models import Appliance, Resources, Sdk, Settings, Wafersim

__all__ = ["Appliance", "ConfigError", "Resources", "Sdk", "Settings", "Wafersim", "load_settings"]
