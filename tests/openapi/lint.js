// Lints an OpenAPI document by the strict recommended rules: node lint.js FILE. Exit code 1 where it finds something.
const { lint, createConfig } = require('@redocly/openapi-core');

// What the rules cannot know: these answer whoever asks, and a WebSocket's success is 101.
const exceptions = {
  'operation-4xx-response': ['/', '/healthz', '/readyz', '/metrics', '/api/v1/openapi.json'],
  'operation-2xx-response': ['/rfq'],
};

function isExcepted(problem) {
  const pointer = problem.location[0].pointer;
  return (exceptions[problem.ruleId] || []).some((path) =>
    pointer.startsWith(`#/paths/${path.replace(/~/g, '~0').replace(/\//g, '~1')}/`));
}

async function main(file) {
  const config = await createConfig({ extends: ['recommended-strict'], rules: { 'no-unused-components': 'error' } });
  const problems = (await lint({ ref: file, config })).filter((p) => !isExcepted(p));
  for (const p of problems) console.log(`${file} ${p.location[0].pointer}: ${p.ruleId}: ${p.message}`);
  process.exit(problems.length ? 1 : 0);
}

main(process.argv[2]).catch((error) => {
  console.error(String(error));
  process.exit(2);
});
