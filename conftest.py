"""The fixtures of the acceptance tests come with the plugin: `basegate.plugin.fixtures`."""
