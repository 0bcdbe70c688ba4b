// graphql-eslint's rules about what Relay expects of a schema.
import graphql from "@graphql-eslint/eslint-plugin";

const rules = {
  "relay-arguments": "error",
  "relay-connection-types": "error",
  // Connections list their `nodes` beside the edges, and lists without pages are plain.
  "relay-edge-types": ["error", { listTypeCanWrapOnlyEdgeType: false }],
  "relay-page-info": "error",
};

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: "schema.graphql" } } },
    plugins: { "@graphql-eslint": graphql },
    rules: Object.fromEntries(Object.entries(rules).map(([name, how]) => [`@graphql-eslint/${name}`, how])),
  },
];
