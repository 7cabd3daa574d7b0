import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from "@prisma/driver-adapter-utils";
import { PrismaPg } from "@prisma/adapter-pg";
import { Pool, type QueryConfig, type QueryResult } from "pg";
import * as bindings from "@prisma/schema-engine-wasm/schema_engine_bg";

type WebAssemblyApi = {
  instantiate(bytes: Buffer, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>;
};
// Node has it; only the browser's type library, which this service does not load, declares it.
const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

let loaded: Promise<void> | undefined;

/**
 * Runs one piece of work with Prisma's schema engine in its WebAssembly build, so that applying
 * migrations downloads nothing. `schema` is the text of schema.prisma, where the work compares with it.
 */
export async function withSchemaEngine<Result>(
  databaseUrl: string,
  schema: string | undefined,
  work: (engine: bindings.SchemaEngine) => Promise<Result>,
): Promise<Result> {
  loaded ??= load();
  await loaded;
  const pool = new Pool({ connectionString: databaseUrl, max: 2 });
  const datamodels: [string, string][] | undefined = schema === undefined ? undefined : [["schema.prisma", schema]];
  try {
    const adapter = bindMigrationAwareSqlAdapterFactory(new CatalogAdapter(pool));
    const engine = await bindings.SchemaEngine.new({ datamodels }, () => undefined, adapter);
    try {
      return await work(engine);
    } finally {
      engine.free();
    }
  } finally {
    await pool.end();
  }
}

const charOid = 18;
const textOid = 25;

/**
 * Prisma's adapter, mended in two places. It cuts a script at every semicolon, also inside a
 * function body, where PostgreSQL takes it whole. And it knows no `"char"`, the one-byte type of
 * the system catalogs, which its own engine reads to compare schemas.
 */
class CatalogAdapter extends PrismaPg {
  override async connect(): ReturnType<PrismaPg["connect"]> {
    const adapter = await super.connect();
    const pool = adapter.underlyingDriver();
    const charColumns = new WeakMap<object, readonly boolean[]>();

    const query = pool.query.bind(pool) as (config: QueryConfig) => Promise<QueryResult>;
    Object.assign(pool, {
      query: async (config: QueryConfig) => {
        const result = await query(config);
        charColumns.set(
          result.rows,
          result.fields.map((field) => field.dataTypeID === charOid),
        );
        for (const field of result.fields) if (field.dataTypeID === charOid) field.dataTypeID = textOid;
        return result;
      },
    });

    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (statement) => {
      const result = await queryRaw(statement);
      const isChar = charColumns.get(result.rows);
      return {
        ...result,
        columnTypes: result.columnTypes.map((type, i) => (isChar?.[i] === true ? ColumnTypeEnum.Character : type)),
      };
    };
    adapter.executeScript = async (script) => {
      const client = await pool.connect();
      try {
        await client.query(script);
      } finally {
        client.release();
      }
    };
    return adapter;
  }
}

async function load(): Promise<void> {
  const engine = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg");
  const file = path.join(path.dirname(engine), "schema_engine_bg.wasm");
  const { instance } = await webAssembly.instantiate(await readFile(file), { "./schema_engine_bg.js": bindings });
  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports["__wbindgen_start"] as () => void)();
}
