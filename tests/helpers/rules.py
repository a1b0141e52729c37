"""What the limit keys of basegate's own checks mean; no two of them share one."""

import basegate.checks  # noqa: F401  declares them
from basegate.config.declaration import declarations

RULES = {
    key: rule
    for check in declarations()
    for table in (check.table.item_table(), check.table)
    for key, rule in table.limit_rules().items()
}
