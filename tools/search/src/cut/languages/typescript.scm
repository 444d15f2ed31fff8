(class_declaration name: (type_identifier) @name body: (_) @body) @class
(abstract_class_declaration name: (type_identifier) @name body: (_) @body) @class
(interface_declaration name: (type_identifier) @name body: (_) @body) @class
(enum_declaration name: (identifier) @name) @class
(type_alias_declaration name: (type_identifier) @name) @class
(internal_module name: (identifier) @name body: (_) @body) @scope
(method_signature name: (property_identifier) @name) @function

(extends_clause value: [(identifier) @base (member_expression property: (property_identifier) @base)])
(extends_type_clause type: (type_identifier) @base)
(implements_clause (type_identifier) @base)
