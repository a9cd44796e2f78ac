// No plugin: esbuild turns JSX into React's automatic runtime.
export default { esbuild: { jsx: "automatic", jsxDev: true }, build: { minify: false, sourcemap: false } };
