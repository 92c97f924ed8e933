"""All rules of the house."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import import_rules
import metadata_rules
import shape_rules
from house import House

Rule = Callable[[House], Iterator[str]]
"""Looks at a house and yields what breaks the rule, each as ``file[:line]: what``."""

RULES: list[Rule] = [
    import_rules.core_imports_downwards,
    import_rules.packages_import_downwards,
    import_rules.declarations_import_little,
    import_rules.imports_are_declared,
    import_rules.modules_import_absolutely,
    shape_rules.files_are_short,
    shape_rules.functions_are_short,
    shape_rules.names_say_what_is_inside,
    shape_rules.public_modules_say_what_is_public,
    shape_rules.only_public_names_are_imported,
    shape_rules.broad_handlers_give_a_reason,
    shape_rules.ignored_findings_give_a_reason,
    metadata_rules.plugins_have_the_same_shape,
    metadata_rules.metadata_is_metadata_only,
    metadata_rules.what_a_plugin_adds_is_declared,
    metadata_rules.nobody_names_a_plugin,
    metadata_rules.no_file_names_a_place,
    metadata_rules.the_bundle_is_whole,
]
