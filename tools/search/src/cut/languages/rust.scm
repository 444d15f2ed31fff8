(struct_item name: (type_identifier) @name) @class
(enum_item name: (type_identifier) @name) @class
(union_item name: (type_identifier) @name) @class
(trait_item name: (type_identifier) @name body: (_) @body) @class
(impl_item type: [(type_identifier) @name (generic_type type: (type_identifier) @name)] body: (_) @body) @scope
(mod_item name: (identifier) @name body: (_) @body) @scope
(function_item name: (identifier) @name body: (_) @body) @function
(function_signature_item name: (identifier) @name) @function
(macro_definition name: (identifier) @name) @function

(impl_item trait: [(type_identifier) @base (generic_type type: (type_identifier) @base)])

(use_declaration) @import

(call_expression function: [
  (identifier) @call
  (scoped_identifier name: (identifier) @call)
  (field_expression field: (field_identifier) @call)
])
(macro_invocation macro: (identifier) @call)
