(class_specifier name: (type_identifier) @name body: (_) @body) @class
(struct_specifier name: (type_identifier) @name body: (_) @body) @class
(union_specifier name: (type_identifier) @name body: (_) @body) @class
(enum_specifier name: (type_identifier) @name body: (_) @body) @class
(namespace_definition name: (namespace_identifier) @name body: (_) @body) @scope
(function_definition declarator: [
  (function_declarator declarator: [
    (identifier) (field_identifier) (destructor_name) (operator_name)
  ] @name)
  (function_declarator declarator: (qualified_identifier
    scope: (namespace_identifier) @receiver
    name: [(identifier) (destructor_name) (operator_name)] @name))
  (function_declarator declarator: (qualified_identifier
    name: (qualified_identifier
      scope: (namespace_identifier) @receiver
      name: [(identifier) (destructor_name) (operator_name)] @name)))
  (pointer_declarator declarator: (function_declarator declarator: [(identifier) (field_identifier)] @name))
  (reference_declarator (function_declarator declarator: [(identifier) (field_identifier)] @name))
] body: (_)? @body) @function
(preproc_function_def name: (identifier) @name) @function
(template_declaration) @outer
(type_definition) @outer

(base_class_clause [(type_identifier) @base (qualified_identifier name: (type_identifier) @base)])

(preproc_include) @import
(using_declaration) @import

(call_expression function: [
  (identifier) @call
  (field_expression field: (field_identifier) @call)
  (qualified_identifier name: (identifier) @call)
])
