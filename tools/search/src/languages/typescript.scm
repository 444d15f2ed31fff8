(class_declaration name: (type_identifier) @name body: (_) @body) @class
(abstract_class_declaration name: (type_identifier) @name body: (_) @body) @class
(interface_declaration name: (type_identifier) @name body: (_) @body) @class
(enum_declaration name: (identifier) @name) @class
(type_alias_declaration name: (type_identifier) @name) @class
(internal_module name: (identifier) @name body: (_) @body) @scope
(function_declaration name: (identifier) @name body: (_) @body) @function
(generator_function_declaration name: (identifier) @name body: (_) @body) @function
(method_definition name: [(property_identifier) (private_property_identifier)] @name body: (_) @body) @function
(method_signature name: (property_identifier) @name) @function
(variable_declarator name: (identifier) @name value: [
  (arrow_function body: (_) @body)
  (function_expression body: (_) @body)
]) @function
(export_statement) @outer
(program (lexical_declaration) @outer)
(program (variable_declaration) @outer)

(extends_clause value: [(identifier) @base (member_expression property: (property_identifier) @base)])
(extends_type_clause type: (type_identifier) @base)
(implements_clause (type_identifier) @base)

(import_statement) @import

(call_expression function: [(identifier) @call (member_expression property: (property_identifier) @call)])
(new_expression constructor: (identifier) @call)
