/** What the demo builds. Both sites use 192.168.1.0/24 for nodes and 10.244.1.0/24 for pods. */
export const PICTURE = `
                    cloud  45.80.0.10
              ┌──────────────────────────────┐
              │ tunnel server   API server   │
              │ agent           orders       │
              └──────┬────────────────┬──────┘
                     │ public segment │
           ┌─────────┴──┐          ┌──┴─────────┐
           │ NAT router │          │ NAT router │
           └─────┬──────┘          └──────┬─────┘
     factory     │                        │     shop
   ┌─────────────┴───────────┐ ┌──────────┴──────────────┐
   │ edge-1  192.168.1.10    │ │ edge-2  192.168.1.10    │
   │ agent                   │ │ agent                   │
   │ camera 10.244.1.10      │ │ cashier 10.244.1.10     │
   │ sensor 10.244.1.11      │ │ web     10.244.1.11     │
   │                         │ │ greeter 10.244.1.12     │
   └─────────────────────────┘ └─────────────────────────┘
`
