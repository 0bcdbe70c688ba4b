// PostGraphile over the tables of a database, on an inherited socket: node serve.mjs URL DESCRIPTOR

import { createServer } from "node:http";
import { TYPES } from "postgraphile/@dataplan/pg";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { postgraphile } from "postgraphile";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { jsonPgSmartTags } from "postgraphile/utils";

const [url, descriptor] = process.argv.slice(2);

// No foreign key says which Version is the current one: with this it is a join, not a list for each row.
const links = jsonPgSmartTags({
  version: 1,
  config: {
    class: {
      document: {
        tags: {
          foreignKey:
            "(id, current_version) references version (document_id, number)|@fieldName newestVersion",
        },
      },
    },
  },
});

// A type that it does not know, of a table that nobody asks for: it would be reported at length.
const transactions = {
  name: "TransactionsAsText",
  version: "1.0.0",
  gather: {
    hooks: {
      pgCodecs_findPgCodec(_info, event) {
        if (!event.pgCodec && event.pgType.typname === "xid8") event.pgCodec = TYPES.text;
      },
    },
  },
};

const server = createServer();
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [links, transactions],
  pgServices: [makePgService({ connectionString: url, schemas: ["public"], poolConfig: { max: 8 } })],
  grafserv: { graphiql: false, watch: false, websockets: false },
  grafast: { explain: false },
});
await instance.createServ(grafserv).addTo(server);
server.listen({ fd: Number(descriptor) });

process.on("SIGTERM", () => process.exit(0));
