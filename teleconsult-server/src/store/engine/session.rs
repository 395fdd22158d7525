//! How statements are executed, so that nothing of a database session has to outlast a transaction.
//!
//! Between this process and PostgreSQL may be a pooler that gives each transaction another session, as `PgBouncer` does in
//! transaction mode. So on PostgreSQL all settings are part of the statement that begins a transaction, no statement is
//! prepared under a name, and a read has a transaction of its own too: the driver sends a statement and its parameters in two
//! messages, which the pooler could pass to two sessions otherwise. Qualified table names would spare the setting of the
//! schema, but not those of the time-outs and the isolation.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Any, AnyConnection, AnyPool, Connection, Either, Execute, Executor, SqlStr};

use super::dialect::Dialect;

type Item = Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>;

/// The connection of a transaction.
#[derive(Debug)]
pub(in crate::store) struct Session<'c> {
    connection: &'c mut AnyConnection,
    keeps_statements: bool,
}

impl<'c> Session<'c> {
    pub(in crate::store) const fn new(connection: &'c mut AnyConnection, dialect: Dialect) -> Self {
        Self { connection, keeps_statements: dialect.keeps_statements() }
    }
}

/// Connections for reads outside of a transaction.
#[derive(Debug)]
pub(in crate::store) struct Readers {
    pool: AnyPool,
    dialect: Dialect,
    /// Begins the transaction of a single read, where that needs one.
    begin: Option<SqlStr>,
}

impl Readers {
    pub(super) const fn new(pool: AnyPool, dialect: Dialect, begin: Option<SqlStr>) -> Self {
        Self { pool, dialect, begin }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    async fn results<'q>(
        &self,
        query: impl Execute<'q, Any> + 'q,
    ) -> Result<Vec<Either<AnyQueryResult, AnyRow>>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let Some(begin) = self.begin.clone() else {
            return Session::new(&mut connection, self.dialect).fetch_many(query).try_collect().await;
        };
        let mut transaction = connection.begin_with(begin).await?;
        let results = Session::new(&mut transaction, self.dialect).fetch_many(query).try_collect().await?;
        transaction.commit().await?;
        Ok(results)
    }
}

/// A statement that the driver prepares under a name only if it may keep it.
struct Statement<E> {
    inner: E,
    keep: bool,
}

impl<'q, E: Execute<'q, Any>> Execute<'q, Any> for Statement<E> {
    fn sql(self) -> SqlStr {
        self.inner.sql()
    }

    fn statement(&self) -> Option<&AnyStatement> {
        self.inner.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<AnyArguments>, sqlx::error::BoxDynError> {
        self.inner.take_arguments()
    }

    fn persistent(&self) -> bool {
        self.keep && self.inner.persistent()
    }
}

impl<'c> Executor<'c> for Session<'c> {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Item>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        self.connection.fetch_many(Statement { inner: query, keep: self.keeps_statements })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        self.connection.fetch_optional(Statement { inner: query, keep: self.keeps_statements })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Any>, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection.describe(sql)
    }
}

impl<'r> Executor<'r> for &'r Readers {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Item>
    where
        'r: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let results = stream::once(self.results(query));
        results.map_ok(|results| stream::iter(results.into_iter().map(Ok))).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'r: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move { Ok(self.results(query).await?.into_iter().find_map(Either::right)) })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'r: 'e,
    {
        self.pool.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Any>, sqlx::Error>>
    where
        'r: 'e,
    {
        self.pool.describe(sql)
    }
}
