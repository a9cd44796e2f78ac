/**
 * Whether a connection that asked for some tenants serves those that are wanted now.
 *
 * @param {"*" | Set<string>} asked
 * @param {"*" | Set<string>} wanted
 */
export function covers(asked: "*" | Set<string>, wanted: "*" | Set<string>): boolean;
/** Which tenants one way of transport has brought into step. Pure. */
/** The account of one way, since it began. */
export class Steps {
    /** Whether everything is in step; never before it is known what everything is. */
    get complete(): boolean;
    /** @param {readonly { id: string }[]} tenants */
    expect(tenants: readonly {
        id: string;
    }[]): void;
    /** @param {string} tenant */
    confirm(tenant: string): void;
    /** @param {string} tenant */
    has(tenant: string): boolean;
    clear(): void;
    #private;
}
