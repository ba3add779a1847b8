const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

/**
 * The configuration of an nginx with one worker that keeps connections for as long as their clients do.
 *
 * @param folder - begin of the names of its files
 * @param servers - what stands in `http { }` besides
 */
export function nginxConfig(folder: string, servers: string): string {
  return `
daemon off; master_process off; worker_processes 1; pid ${folder}.pid; user root;
events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  ${TEMPORARY.map((name) => `${name}_temp_path ${folder}-${name};`).join(' ')}
  ${servers}
}
`
}
