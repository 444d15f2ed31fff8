(struct_specifier name: (type_identifier) @name body: (_) @body) @class
(union_specifier name: (type_identifier) @name body: (_) @body) @class
(enum_specifier name: (type_identifier) @name body: (_) @body) @class
(function_definition declarator: [
  (function_declarator declarator: (identifier) @name)
  (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))
] body: (_) @body) @function
(preproc_function_def name: (identifier) @name) @function
(type_definition) @outer

(preproc_include) @import

(call_expression function: [(identifier) @call (field_expression field: (field_identifier) @call)])
